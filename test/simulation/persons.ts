/** Persons in the model: erasing one, and for how long what is not money is kept. No sum changes. */
import { DAY_MS, monthStart } from './calendar.js';
import type { Model } from './model.js';

/** Of what the months are counted since a time that the model knows. */
const KEPT = ['personal_data', 'dead_letters', 'conflicts', 'jobs', 'idempotency_keys'] as const;

export type Kept = Readonly<Record<(typeof KEPT)[number], number | null>>;

export const FOR_EVER: Kept = {
  personal_data: null,
  dead_letters: null,
  conflicts: null,
  jobs: null,
  idempotency_keys: null,
};

export type PersonChange =
  | { readonly what: 'erase'; readonly entity: string; readonly userId: string }
  | { readonly what: 'retention'; readonly kept: Partial<Kept> };

export function isOfPersons(change: { what: string }): change is PersonChange {
  return change.what === 'erase' || change.what === 'retention';
}

export function personRequest(change: PersonChange): { request: string; body: unknown } {
  if (change.what === 'erase') {
    const request = `POST /v1/admin/entities/${change.entity}/erase`;
    return { request, body: { user_id: change.userId } };
  }
  const body = Object.fromEntries(
    Object.entries(change.kept).map(([kind, months]) => [`${kind}_months`, months]),
  );
  return { request: 'PUT /v1/admin/settings/retention', body };
}

/** What an erasure answers: in how many events and dead letters the person was named. */
export function erasing({ entity, userId }: PersonChange & { what: 'erase' }, model: Model): object {
  const events = [...model.counted.values()].filter(
    (counted) => counted.facts.entity === entity && counted.userId === userId,
  );
  const letters = [...model.letters.keys()].filter((letter) => withoutUser(letter, userId) !== letter);
  return { queued_events: 0, events: events.length, dead_letters: letters.length };
}

export function applyToPersons(change: PersonChange, model: Model): void {
  if (change.what === 'retention') {
    model.kept = { ...model.kept, ...change.kept };
    return;
  }
  const { entity, userId } = change;
  for (const counted of model.counted.values()) {
    if (counted.facts.entity === entity && counted.userId === userId) counted.userId = null;
  }
  for (const conflict of model.conflicts.values()) {
    if (conflict.facts.entity === entity && conflict.userId === userId) conflict.userId = null;
  }
  const letters = [...model.letters];
  model.letters.clear();
  for (const [letter, seenMs] of letters) model.letters.set(withoutUser(letter, userId), seenMs);
}

/** A letter is its code and the body of an event. Users have the names of their entities, so each is of one. */
function withoutUser(letter: string, userId: string): string {
  const [code = '', json] = [letter.split(' ', 1)[0], letter.slice(letter.indexOf(' ') + 1)];
  const body = JSON.parse(json) as { data?: { user_id?: unknown } };
  if (body.data?.user_id !== userId) return letter;
  delete body.data.user_id;
  return `${code} ${JSON.stringify(body)}`;
}

/** What upkeep forgets. Dead letters know the time of the server that keeps them, not of the clock that jumps. */
export function forget(model: Model, nowMs: number): void {
  const { personal_data, dead_letters, conflicts } = model.kept;
  if (personal_data !== null) {
    const before = monthsBefore(nowMs, personal_data) - DAY_MS;
    for (const counted of model.counted.values()) {
      if (Math.floor(counted.facts.atMs / DAY_MS) * DAY_MS < before) counted.userId = null;
    }
  }
  if (dead_letters !== null) {
    const before = monthsBefore(nowMs, dead_letters);
    for (const [text, seenMs] of model.letters) if (seenMs < before) model.letters.delete(text);
  }
  if (conflicts !== null) {
    const before = monthsBefore(nowMs, conflicts);
    for (const [said, { seenMs }] of model.conflicts) if (seenMs < before) model.conflicts.delete(said);
  }
}

/** On the last day of a shorter month where it has no such day. */
function monthsBefore(nowMs: number, months: number): number {
  const start = monthStart(nowMs, -months);
  const at = start + (nowMs - monthStart(nowMs));
  const lastDayMs = monthStart(start, 1) - DAY_MS;
  return at < lastDayMs + DAY_MS ? at : lastDayMs + (nowMs % DAY_MS);
}
