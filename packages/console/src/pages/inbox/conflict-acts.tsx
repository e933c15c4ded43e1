/** Counting what came again with other content, or closing the conflict with a note: one, or all of a filter. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog } from '../../parts/act-dialog.js';
import { TextBox } from '../../parts/fields.js';
import { plural } from '../../parts/times.js';
import { BulkAct, countGoing } from './bulk-act.js';

type Conflict = Schemas['UsageConflict'];
type Batch = Schemas['ConflictBatch'];
type Filter = Pick<Schemas['ConflictReviewOrder'], 'entity' | 'start_time' | 'end_time'>;

const WHY_FIRST = 'Why the first content is the right one';
const WHY_BOTH = 'Why both are real';

export function Review({ conflict }: { conflict: Conflict }) {
  const [note, field] = useNote(WHY_FIRST);
  const path = { id: conflict.id };
  return (
    <ActButton
      needs="POST /v1/admin/usage_conflicts/{id}/review"
      label="Close with a note…"
      className="primary"
    >
      {(close) => (
        <ActDialog
          title="Close this conflict"
          verb="Close it"
          entity={conflict.entity}
          fields={field}
          onClose={close}
          preview={async () => {
            await api.POST('/v1/admin/usage_conflicts/{id}/review', {
              params: { path, query: { dry_run: true } },
              body: { note: note() },
            });
            return {
              sentences: [
                'What was counted stays; what came again is not charged.',
                'The conflict leaves the inbox.',
              ],
            };
          }}
          perform={async (headers) => {
            await api.POST('/v1/admin/usage_conflicts/{id}/review', {
              params: { path },
              headers,
              body: { note: note() },
            });
            return 'The conflict is closed.';
          }}
        />
      )}
    </ActButton>
  );
}

export function Count({ conflict }: { conflict: Conflict }) {
  const [note, field] = useNote(WHY_BOTH);
  const path = { id: conflict.id };
  return (
    <ActButton needs="POST /v1/admin/usage_conflicts/{id}/count" label="Count it too…">
      {(close) => (
        <ActDialog
          title="Count what came again"
          verb="Count it"
          entity={conflict.entity}
          fields={field}
          onClose={close}
          preview={async () => {
            const answer = await answered(
              api.POST('/v1/admin/usage_conflicts/{id}/count', {
                params: { path, query: { dry_run: true } },
                body: { note: note() },
              }),
            );
            return {
              sentences: [
                `${conflict.entity} is charged for it by the price of ${answer.other.model} at ${answer.other.time}, beside the event that was counted.`,
                'It gets an id of its own; the conflict leaves the inbox.',
              ],
            };
          }}
          perform={async (headers) => {
            const answer = await answered(
              api.POST('/v1/admin/usage_conflicts/{id}/count', {
                params: { path },
                headers,
                body: { note: note() },
              }),
            );
            return `It is counted as ${answer.counted_as}.`;
          }}
        />
      )}
    </ActButton>
  );
}

export function ReviewAll({ filter }: { filter: Filter }) {
  const [note, field] = useNote(WHY_FIRST);
  return (
    <BulkAct<Batch>
      needs="POST /v1/admin/usage_conflicts/review"
      label="Close all shown…"
      title="Close all conflicts that match the filter"
      verb="Close all"
      entity={filter.entity ?? null}
      fields={
        <>
          <p>{filterSentence(filter, 'open')}</p>
          {field}
        </>
      }
      send={(headers) =>
        answered(
          api.POST('/v1/admin/usage_conflicts/review', {
            params: { query: { dry_run: headers === null } },
            ...(headers === null ? {} : { headers }),
            body: { ...filter, note: note() },
          }),
        )
      }
      sentences={(answer) => [
        `${countGoing(answer, 'conflict')} to the reviewed ones.`,
        'What was counted stays; what came again is not charged. Each can still be counted from there.',
      ]}
      outcome={(batch) => `${plural(batch.answered, 'conflict')} closed.${skippedText(batch)}`}
    />
  );
}

export function CountAll({ filter, status }: { filter: Filter; status: 'open' | 'reviewed' }) {
  const [note, field] = useNote(WHY_BOTH);
  return (
    <BulkAct<Batch>
      needs="POST /v1/admin/usage_conflicts/count"
      label="Count all shown…"
      title="Count what came again, of all conflicts that match the filter"
      verb="Count all"
      entity={filter.entity ?? null}
      fields={
        <>
          <p>{filterSentence(filter, status)}</p>
          {field}
        </>
      }
      send={(headers) =>
        answered(
          api.POST('/v1/admin/usage_conflicts/count', {
            params: { query: { dry_run: headers === null } },
            ...(headers === null ? {} : { headers }),
            body: { ...filter, status, note: note() },
          }),
        )
      }
      sentences={(answer) => [
        `${countGoing(answer, 'conflict')} into the counted ones: ${filter.entity ?? 'each customer'} is charged for what came again, by the price at its time, beside what was counted.`,
        'A conflict is skipped if its month is no longer kept, or if another event has its id.',
        'To undo it, void the events that it counts.',
      ]}
      outcome={(batch) => `${plural(batch.answered, 'conflict')} counted.${skippedText(batch)}`}
    />
  );
}

function filterSentence(
  { entity, start_time: from, end_time: to }: Filter,
  status: Conflict['status'],
): string {
  const parts = [
    `Conflicts that are ${status}`,
    ...(entity === undefined ? [] : [`of ${entity}`]),
    ...(from === undefined && to === undefined ? [] : ['last seen on the days of the filter']),
  ];
  return `${parts.join(', ')}. What arrives from now on is left alone.`;
}

function skippedText({ skipped }: Batch): string {
  if (skipped === 0) return '';
  return ` ${plural(skipped, 'conflict')} skipped: the month is no longer kept, another event has the id, or somebody else dealt with it meanwhile.`;
}

/** A note for the audit log, and its field. */
function useNote(hint: string): [() => string | null, React.ReactNode] {
  const [note, setNote] = useState('');
  const field = <TextBox name="note" label="Note" hint={hint} isLong value={note} onChange={setNote} />;
  return [() => note.trim() || null, field];
}
