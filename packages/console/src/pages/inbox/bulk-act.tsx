/** One act on all that match a filter: the service says first how many there are, and long work goes on as a job. */
import type { ReactNode } from 'react';
import type { Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { outcomeOf } from '../../parts/job.js';
import { plural } from '../../parts/times.js';
import type { Operation } from '../../session/permissions.js';

type Batch = { readonly answered: number };

export type BulkProps<T extends Batch> = {
  readonly needs: Operation;
  /** On the button: `Replay all shown…`. */
  readonly label: string;
  readonly title: string;
  readonly verb: string;
  readonly className?: string;
  readonly entity: string | null;
  readonly fields: ReactNode;
  /** Null tries it. */
  readonly send: (headers: ActHeaders | null) => Promise<T | Schemas['Job']>;
  /** What will happen. `answer` is null where so many match that they are still being counted. */
  readonly sentences: (answer: T | null) => readonly string[];
  readonly outcome: (answer: T) => ReactNode;
};

export function BulkAct<T extends Batch>(props: BulkProps<T>) {
  const { needs, label, title, verb, className, entity, fields, send, sentences, outcome } = props;
  return (
    <ActButton needs={needs} label={label} {...(className !== undefined && { className })}>
      {(close) => (
        <ActDialog
          title={title}
          verb={verb}
          entity={entity}
          fields={fields}
          onClose={close}
          preview={async () => {
            const answer = await send(null);
            return { sentences: sentences('answered' in answer ? answer : null) };
          }}
          perform={async (headers) => outcomeOf<T>(await send(headers), outcome)}
        />
      )}
    </ActButton>
  );
}

/** `2 events go`, `1 event goes`; of a number that is not known yet, `All that match go`. */
export function countGoing(answer: Batch | null, noun: string): string {
  if (answer === null) return 'There are so many that they are still being counted. All that match go';
  return `${plural(answer.answered, noun)} ${answer.answered === 1 ? 'goes' : 'go'}`;
}
