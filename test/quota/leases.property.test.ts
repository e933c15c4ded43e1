import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LeaseWorld, type Limits } from '../support/lease-world.js';
import { aQuotaRedis, type QuotaRedis } from '../support/quota-redis.js';

let on: QuotaRedis;
beforeAll(async () => (on = await aQuotaRedis()));
afterAll(() => on.close());

const CENT = 10_000_000;
/** Counted from the newest, which is picked most often. */
const index = fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 5, 8, 13);
const amount = fc.integer({ min: 1, max: 20 }).map((n) => (n * CENT) / 10);
const limits: fc.Arbitrary<Limits> = fc.record({
  capNanos: fc.integer({ min: 15, max: 80 }).map((n) => n * CENT),
  projectCapNanos: fc.integer({ min: 15, max: 80 }).map((n) => n * CENT),
});
const smallHold = fc.integer({ min: 1, max: 4 }).map((n) => (n * CENT) / 10);
const statement = { index, wanted: fc.constantFrom(0, 10, 20, 50, 50), largestNanos: smallHold };

const operation = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      does: fc.constant('admit'),
      index,
      holdNanos: amount,
      mayAsk: fc.boolean(),
      count: fc.constantFrom(1, 1, 3, 6),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('finish'), index }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('release'), index }) },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant('book'), index, share: fc.constantFrom(0, 0.3, 1, 1) }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('state'), ...statement }) },
  // The usual case: a statement, its delivery and its answer at once.
  { weight: 7, arbitrary: fc.record({ does: fc.constant('renew'), ...statement }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('deliver'), index }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('hear'), index }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('recall'), index }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('end'), index }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('die'), index }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('limit'), limits }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('wait'),
      ms: fc.constantFrom(1, 999, 3_000, 3_000, 9_000, 10_000, 45_000, 110_000, 1_000_000),
    }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const at = <T>(list: readonly T[], index: number): T | undefined =>
  list.at(-1 - (index % Math.max(1, list.length)));

async function step(world: LeaseWorld, does: Operation): Promise<void> {
  if (does.does === 'wait') return world.wait(does.ms);
  if (does.does === 'limit') return world.limit(does.limits);
  const request = at(world.requests, does.index);
  const message = at(world.messages, does.index);
  const lease = at(world.leases, does.index)!;
  if (does.does === 'admit')
    for (let n = 0; n < does.count; n += 1) await world.admit(lease, does.holdNanos, does.mayAsk);
  if (does.does === 'finish' && request !== undefined) world.finish(request);
  if (does.does === 'release' && request !== undefined) await world.release(request);
  if (does.does === 'book' && request !== undefined)
    await world.book(request, Math.floor(request.holdNanos * does.share));
  if (does.does === 'state' || does.does === 'renew')
    world.state(lease, does.wanted * CENT, does.largestNanos);
  if (does.does === 'renew') {
    await world.deliver(world.messages.at(-1)!);
    await expectSafe(world);
    world.hear(world.messages.at(-1)!);
  }
  if (does.does === 'deliver' && message !== undefined) await world.deliver(message);
  if (does.does === 'hear' && message !== undefined) world.hear(message);
  if (does.does === 'recall') lease.recall();
  if (does.does === 'end') await world.end(lease);
  if (does.does === 'end' || does.does === 'die') world.die(lease);
}

/** The highest limits that were in force are not exceeded, and Redis holds all that may still be spent under a lease (L1). */
async function expectSafe(world: LeaseWorld): Promise<void> {
  expect(world.bookedNanos + world.exposedNanos()).toBeLessThanOrEqual(world.highest.capNanos);
  for (const project of ['project1', 'project2']) {
    const booked = world.bookedBy.get(project) ?? 0;
    expect(booked + world.exposedNanos(project)).toBeLessThanOrEqual(world.highest.projectCapNanos);
  }
  for (const lease of world.leases) expect(await world.uncoveredNanos(lease)).toBe(0);
}

/** Every request ends, every event is booked, every gateway shuts down: nothing may be held. */
async function quiet(world: LeaseWorld): Promise<void> {
  for (const request of Array.from(world.requests)) await world.book(request, 0);
  for (const lease of Array.from(world.leases)) await world.end(lease);
  if (world.isLeaking) world.wait(120_000);
  expect(await on.held()).toEqual({ heldPicos: 0n, requestCount: 0 });
}

describe('gateways that decide themselves', () => {
  it('never exceed a limit together, and hold nothing in the end, whatever is lost, repeated or late, however limits change and gateways die', async () => {
    let admitted = 0;
    const histories = fc.asyncProperty(
      fc.array(operation, { minLength: 30, maxLength: 90, size: 'max' }),
      limits,
      fc.integer({ min: 1, max: 2 }),
      async (operations, first, gatewayCount) => {
        await on.redis.flushall();
        const world = new LeaseWorld(on, first, gatewayCount);
        await world.publish();
        for (const does of operations) {
          await step(world, does);
          await expectSafe(world);
        }
        admitted += world.localCount;
        await quiet(world);
      },
    );
    await fc.assert(histories, { numRuns: 60 });
    // The histories admit enough requests to mean something.
    expect(admitted).toBeGreaterThan(150);
  });
});
