import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DAY_MS, HOUR_MS } from '../../src/domain/buckets.js';
import { rangeAt } from '../../src/metering/identity-pruning.js';
import { parseEvent } from '../../src/metering/event-validation.js';
import { anEvent, anEventBody } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { expectAgreement } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());
afterEach(() => expectAgreement(books));

const identities = async (): Promise<number> =>
  (await books.postgres.pool.query(`select from usage_identities`)).rowCount ?? 0;

describe('pruning identities', () => {
  it('begins 42 days after the event, when it has been refused for a week: dedupe has no hole', async () => {
    const start = books.clock.now().getTime();
    // As old as an event may be, and as far ahead.
    const [oldest, newest] = [start - 35 * DAY_MS, start + 5 * 60_000].map((ms) => new Date(ms));
    const events = [anEvent({ occurredAt: oldest! }), anEvent({ occurredAt: newest! })];
    await books.recorder.record(events);
    const bodies = events.map((event) => anEventBody({ id: event.id, time: event.occurredAt.toISOString() }));

    books.clock.set(new Date(start + 7 * DAY_MS));
    expect(await books.pruning.prune()).toBe(0);
    books.clock.advance(1);
    expect([await books.pruning.prune(), await identities()]).toEqual([1, 1]);
    expect(parseEvent(bodies[0]!, books.clock.now())).toMatchObject({ ok: false, code: 'time_out_of_range' });

    books.clock.set(new Date(newest!.getTime() + 35 * DAY_MS));
    expect(await books.pruning.prune()).toBe(0);
    expect(parseEvent(bodies[1]!, books.clock.now()).ok).toBe(true);
    expect(await books.recorder.record([events[1]!])).toMatchObject({ recorded: 0, duplicates: 1 });

    books.clock.set(new Date(newest!.getTime() + 42 * DAY_MS));
    expect(await books.pruning.prune()).toBe(0);
    expect(parseEvent(bodies[1]!, books.clock.now())).toMatchObject({ ok: false, code: 'time_out_of_range' });
    books.clock.advance(1);
    expect([await books.pruning.prune(), await identities()]).toEqual([1, 0]);
  });

  it('goes through all pages and leaves younger ones, also when two run at once', async () => {
    await books.postgres.pool.query(
      `insert into usage_identities
       select gen_random_uuid(), $1::timestamptz from generate_series(1, 25000)`,
      [new Date(books.clock.now().getTime() - 43 * DAY_MS)],
    );
    await books.recorder.record([anEvent({ occurredAt: books.clock.now() })]);
    const pruned = await Promise.all([books.pruning.prune(), books.pruning.prune()]);
    expect([pruned[0] + pruned[1], await identities()]).toEqual([25_000, 1]);
  });

  it('looks at another part each hour, and at every identity within a week', async () => {
    const old = new Date(books.clock.now().getTime() - 60 * DAY_MS);
    await books.postgres.pool.query(
      `insert into usage_identities
       select gen_random_uuid(), $1::timestamptz from generate_series(1, 500)`,
      [old],
    );
    await books.postgres.pool.query(
      `insert into usage_identities
       select e::uuid, $1::timestamptz
       from (values ('00000000-0000-0000-0000-000000000001'), ('ffffffff-ffff-ffff-ffff-ffffffffffff')) v (e)`,
      [old],
    );
    const pruned: number[] = [];
    for (let hour = 0; hour < 7 * 24; hour += 1) {
      pruned.push(await books.pruning.prunePart());
      books.clock.advance(HOUR_MS);
    }
    expect(pruned.reduce((sum, count) => sum + count, 0)).toBe(502);
    expect(rangeAt(new Date(0))).toEqual({ from: 0, to: 390 });
    expect(rangeAt(new Date(167 * HOUR_MS))).toEqual({ from: 65_145, to: 65_536 });
  });
});
