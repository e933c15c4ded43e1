/** Counting what came again with other content, or closing the conflict with a note: one, or all of a filter. */
import { useState } from 'react';
import { api, type Schemas } from '../../api/client.js';
import { TextBox } from '../../parts/fields.js';
import { exactText, picosOf } from '../../parts/money.js';
import { plural, timeOf } from '../../parts/times.js';
import { countGoing, InboxAct, takenSentence } from './inbox-act.js';

type Conflict = Schemas['UsageConflict'];
type Batch = Schemas['ConflictBatch'];
type Filter = Pick<Schemas['ConflictReviewOrder'], 'entity' | 'start_time' | 'end_time'>;

const WHY_FIRST = 'Why the first content is the right one';
const WHY_BOTH = 'Why both are real';
const NOT_CHARGED = 'What was counted stays; what came again is not charged.';

export function Review({ conflict }: { conflict: Conflict }) {
  const [note, field] = useNote(WHY_FIRST);
  return (
    <InboxAct<Conflict>
      needs="POST /v1/admin/usage_conflicts/{id}/review"
      label="Close with a note…"
      className="primary"
      title="Close this conflict"
      verb="Close it"
      entity={conflict.entity}
      fields={field}
      send={({ query, headers }) =>
        api.POST('/v1/admin/usage_conflicts/{id}/review', {
          params: { path: { id: conflict.id }, query },
          headers,
          body: { note: note() },
        })
      }
      sentences={() => [NOT_CHARGED, 'The conflict leaves the inbox.']}
      outcome={() => 'The conflict is closed.'}
    />
  );
}

export function Count({ conflict }: { conflict: Conflict }) {
  const [note, field] = useNote(WHY_BOTH);
  return (
    <InboxAct<Conflict>
      needs="POST /v1/admin/usage_conflicts/{id}/count"
      label="Count it too…"
      title="Count what came again"
      verb="Count it"
      entity={conflict.entity}
      fields={field}
      send={({ query, headers }) =>
        api.POST('/v1/admin/usage_conflicts/{id}/count', {
          params: { path: { id: conflict.id }, query },
          headers,
          body: { note: note() },
        })
      }
      sentences={(counted) => [
        chargeSentence(conflict, counted?.cost_usd ?? null),
        'It gets an id of its own; the conflict leaves the inbox.',
      ]}
      outcome={({ counted_as: countedAs }) => `It is counted as ${countedAs}.`}
    />
  );
}

function chargeSentence({ entity, other }: Conflict, usd: string | null): string {
  if (usd === null) return `${other.model} has no price for it: ${entity} is charged once it has.`;
  return `${entity} is charged ${exactText(picosOf(usd))} for it, by the price of ${other.model} at ${timeOf(other.time)} UTC, beside the event that was counted.`;
}

export function ReviewAll({ filter }: { filter: Filter }) {
  const [note, field] = useNote(WHY_FIRST);
  return (
    <InboxAct<Batch>
      needs="POST /v1/admin/usage_conflicts/review"
      label="Close all shown…"
      title="Close all conflicts that match the filter"
      verb="Close all"
      entity={filter.entity ?? null}
      fields={
        <>
          <p>{takenSentence('Conflicts that are open', filter)}</p>
          {field}
        </>
      }
      send={({ query, headers }) =>
        api.POST('/v1/admin/usage_conflicts/review', {
          params: { query },
          headers,
          body: { ...filter, note: note() },
        })
      }
      sentences={(answer) => [
        `${countGoing(answer, 'conflict')} to the reviewed ones.`,
        `${NOT_CHARGED} Each can still be counted from there.`,
      ]}
      outcome={(batch) => `${plural(batch.answered, 'conflict')} closed.${skippedText(batch)}`}
    />
  );
}

export function CountAll({ filter, status }: { filter: Filter; status: 'open' | 'reviewed' }) {
  const [note, field] = useNote(WHY_BOTH);
  return (
    <InboxAct<Batch>
      needs="POST /v1/admin/usage_conflicts/count"
      label="Count all shown…"
      title="Count what came again, of all conflicts that match the filter"
      verb="Count all"
      entity={filter.entity ?? null}
      fields={
        <>
          <p>{takenSentence(`Conflicts that are ${status}`, filter)}</p>
          {field}
        </>
      }
      send={({ query, headers }) =>
        api.POST('/v1/admin/usage_conflicts/count', {
          params: { query },
          headers,
          body: { ...filter, status, note: note() },
        })
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
