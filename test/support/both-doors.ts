/** Brings mixed deliveries through both doors, and says what became of them by each account that there is. */
import { expect } from '@jest/globals';
import { anApp, type TestApp } from './app.js';
import { mixedDeliveries, type Delivery, type Outcome } from './mixed-deliveries.js';
import { Random } from '../simulation/random.js';
import { aTestQueue, type TestQueue } from './usage-queue.js';

type Sums = Readonly<Record<Outcome, number>>;

/** Every delivery is counted, a duplicate, a conflict or a dead letter, and the four numbers add up, in every report that has them. */
export async function expectEveryDelivery(count: number, seed: number): Promise<void> {
  const app = await anApp({ role: 'all' });
  const queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() });
  try {
    const random = new Random(seed + 1);
    const { first, later } = mixedDeliveries(count, seed);
    expect(first.length + later.length).toBe(count);
    for (const part of [first, later]) {
      await bring(part, { app, queue, random });
      await queue.drained();
    }
    const expected = sumsOf([...first, ...later]);
    expect(expected.recorded + expected.duplicate + expected.conflict + expected.dead_letter).toBe(count);
    expect(await counters(app)).toEqual(expected);
    expect(await rows(app)).toEqual({
      recorded: expected.recorded,
      conflict: expected.conflict,
      dead_letter: expected.dead_letter,
    });
    const { body } = await app.call('GET /v1/admin/reconciliation');
    expect(body.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
  } finally {
    await queue.close();
    await app.close();
  }
}

function sumsOf(deliveries: readonly Delivery[]): Sums {
  const sums = { recorded: 0, duplicate: 0, conflict: 0, dead_letter: 0 };
  for (const { outcome } of deliveries) sums[outcome] += 1;
  return sums;
}

/** In batches of many sizes, half of them by each door. */
async function bring(
  deliveries: readonly Delivery[],
  { app, queue, random }: { app: TestApp; queue: TestQueue; random: Random },
): Promise<void> {
  for (let from = 0; from < deliveries.length;) {
    const part = deliveries.slice(from, from + random.pick([1, 1, 2, 7, 40, 200]));
    from += part.length;
    const bodies = part.map(({ body }) => body);
    if (random.int(0, 1) === 0) await queue.add([bodies]);
    else await report(app, part);
  }
}

async function report(app: TestApp, part: readonly Delivery[]): Promise<void> {
  const { status, body } = await app.call('POST /v1/usage/events', { body: part.map((each) => each.body) });
  const bad = part.flatMap(({ outcome }, index) => (outcome === 'dead_letter' ? [index] : []));
  expect(body.rejected.map(({ index }: { index: number }) => index)).toEqual(bad);
  expect([status, body.accepted]).toEqual([bad.length === part.length ? 422 : 202, part.length - bad.length]);
}

/** As the metrics say. */
async function counters(app: TestApp): Promise<Sums> {
  const { text } = await app.call('GET /metrics');
  const of = (outcome: Outcome): number =>
    Number(
      new RegExp(`^tally_usage_events_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
    );
  return {
    recorded: of('recorded'),
    duplicate: of('duplicate'),
    conflict: of('conflict'),
    dead_letter: of('dead_letter'),
  };
}

/** As the database says. */
async function rows(app: TestApp): Promise<Omit<Sums, 'duplicate'>> {
  const result = await app.postgres.pool.query(`
    select
      (select count(*)::int from usage_events) as recorded,
      (select coalesce(sum(seen_count), 0)::int from usage_conflicts) as conflict,
      (select coalesce(sum(seen_count), 0)::int from dead_letters) as dead_letter`);
  return result.rows[0];
}
