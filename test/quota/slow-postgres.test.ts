import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownMsOf } from '../support/own-time.js';
import { giveCredits, quotaServers, type QuotaServers } from '../support/quota-service.js';

const STATE_MS_FRESH = 60_000;

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers('closed')));
afterAll(() => on.close());

describe('while Postgres does not answer', () => {
  it('one decision a second finds out whether it answers again, and those beside it do not wait', async () => {
    await giveCredits(on, { entity: 'probing' });
    expect(await on.check('probing/p')).toBe('allowed');
    on.wires.postgres.hang();
    on.clock.advance(STATE_MS_FRESH + 1);
    expect(await on.check('probing/p')).toBe('~allowed');
    on.clock.advance(1_000);
    let decidedCount = 0;
    const check = async () => {
      expect(await on.check('probing/p')).toBe('~allowed');
      decidedCount += 1;
    };
    const decideAll = () => Promise.all(Array.from({ length: 21 }, check));
    // All others are decided while the first still waits for the second that Postgres has.
    expect(await ownMsOf(decideAll, () => decidedCount === 20)).toBeGreaterThan(200);
    await on.wires.postgres.mend();
    on.clock.advance(1_000);
    expect(await on.check('probing/p')).toBe('allowed');
  });
});

describe('after an outage of Postgres in which nobody asked it again', () => {
  it('an outage of Redis refuses nothing: all decisions wait for Postgres, which answers', async () => {
    await giveCredits(on, { entity: 'returned' });
    expect(await on.check('returned/p')).toBe('allowed');
    await on.wires.postgres.cut();
    on.clock.advance(STATE_MS_FRESH + 1);
    expect(await on.check('returned/p')).toBe('~allowed');
    await on.wires.postgres.mend();
    on.clock.advance(10_000);
    await on.wires.redis.cut();
    const decided = await Promise.all(Array.from({ length: 20 }, () => on.check('returned/p')));
    expect(decided).toEqual(Array(20).fill('~allowed'));
    await on.recover();
  });
});
