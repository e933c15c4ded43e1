/** An act on one thing that waits, or on all of a filter: it is tried first, and long work goes on as a job. */
import type { ReactNode } from 'react';
import { answered, type Schemas } from '../../api/client.js';
import type { ActHeaders } from '../../parts/act-dialog.js';
import { CallAct, type CallActProps } from '../../parts/call-act.js';
import { isAJob, outcomeOf } from '../../parts/job.js';
import { plural } from '../../parts/times.js';

/** What its call has beside its body. */
type Attempt = { readonly query: { readonly dry_run: boolean }; readonly headers: Partial<ActHeaders> };

type InboxActProps<T extends object> = Omit<CallActProps, 'sentences' | 'perform'> & {
  readonly send: (attempt: Attempt) => Promise<{ data?: T | Schemas['Job'] }>;
  /** What will happen. `answer` is null where so many match that they are still being counted. */
  readonly sentences: (answer: T | null) => readonly string[];
  readonly outcome: (answer: T) => ReactNode;
};

export function InboxAct<T extends object>({ send, sentences, outcome, ...act }: InboxActProps<T>) {
  const tried = async () => {
    const answer = await answered(send({ query: { dry_run: true }, headers: {} }));
    return sentences(isAJob(answer) ? null : answer);
  };
  return (
    <CallAct
      {...act}
      sentences={tried}
      perform={async (headers) =>
        outcomeOf(await answered(send({ query: { dry_run: false }, headers })), outcome)
      }
    />
  );
}

/** `2 events go`, `1 event goes`; of a number that is not known yet, `All that match go`. */
export function countGoing(answer: { readonly answered: number } | null, noun: string): string {
  if (answer === null) return 'There are so many that they are still being counted. All that match go';
  return `${plural(answer.answered, noun)} ${answer.answered === 1 ? 'goes' : 'go'}`;
}

type Filter = {
  readonly entity?: string;
  readonly start_time?: number | string;
  readonly end_time?: number | string;
};

/** Which ones an act on all of a filter takes; `what` is `Conflicts that are open`. */
export function takenSentence(
  what: string,
  { entity, start_time: from, end_time: to }: Filter,
  more: readonly string[] = [],
): string {
  const parts = [
    what,
    ...(entity === undefined ? [] : [`of ${entity}`]),
    ...more,
    ...(from === undefined && to === undefined ? [] : ['last seen on the days of the filter']),
  ];
  return `${parts.join(', ')}. What arrives from now on is left alone.`;
}
