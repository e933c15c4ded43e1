/** A request id that was used stays used when Redis fails and when it answers again. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { untilReady } from '../support/redis-connection.js';
import { anOrder, NOON, usd } from '../support/quota.js';
import { giveCredits, MODEL, quotaServers, type QuotaServers } from '../support/quota-service.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers('closed')));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));
const redisAnswersAgain = async () => {
  await on.wires.redis.mend();
  await untilReady(on.redis);
};
afterEach(redisAnswersAgain);

describe('around an outage of Redis', () => {
  it('what was released meanwhile stays used when Redis answers again, and its hold of before ends there', async () => {
    const entity = await giveCredits(on, { entity: 'releasing' });
    const order = (requestId: string) => anOrder({ subject: 'releasing/p', model: MODEL, requestId });
    const before = await on.quota.reserve(order('before'));
    await on.wires.redis.cut();
    const meanwhile = await on.quota.reserve(order('meanwhile'));
    for (const { reservation } of [before, meanwhile] as Extract<typeof before, { allowed: true }>[])
      await on.quota.release(reservation.id);
    await expect(on.quota.reserve(order('meanwhile'))).rejects.toMatchObject({ code: 'conflict' });
    await redisAnswersAgain();
    for (const id of ['before', 'meanwhile'])
      await expect(on.quota.reserve(order(id))).rejects.toMatchObject({ code: 'conflict' });
    expect(await on.quota.held(entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('an id that was used up before the outage holds what it is admitted for, also once Redis answers again', async () => {
    const entity = await giveCredits(on, { entity: 'reusing' });
    const order = anOrder({ subject: 'reusing/p', model: MODEL, requestId: 'r' });
    await on.quota.release(order.id);
    on.clock.advance(1_000);
    await on.wires.redis.cut();
    expect(await on.quota.reserve(order)).toMatchObject({
      allowed: true,
      reservation: { holdPicos: usd('1') },
    });
    await redisAnswersAgain();
    expect(await on.quota.reserve(order)).toMatchObject({
      degraded: false,
      reservation: { holdPicos: usd('1') },
    });
    expect(await on.quota.held(entity)).toEqual({ heldPicos: usd('1'), requestCount: 1 });
  });
});
