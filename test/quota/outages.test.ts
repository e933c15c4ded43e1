import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { reservationIdOf } from '../../src/domain/ids.js';
import { untilReady } from '../support/redis-connection.js';
import { ownMsOf } from '../support/own-time.js';
import { anOrder, aSubject, NOON, usd } from '../support/quota.js';
import {
  giveCredits,
  MODEL,
  quotaServers,
  reserveInAWord,
  spend,
  TIERED,
  type QuotaServers,
} from '../support/quota-service.js';
import { until } from '../support/until.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers('closed')));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));
afterEach(() => on.recover());

const MINUTE_MS = 60_000;
const OVERLOADED = {
  code: 'overloaded',
  message: 'The engine is currently overloaded, please try again later',
};
const redisAnswersAgain = async () => {
  await on.wires.redis.mend();
  await untilReady(on.redis);
};

describe('while Redis is unavailable', () => {
  const ways = [
    { way: 'refuses connections', fail: () => on.wires.redis.cut() },
    { way: 'does not answer', fail: async () => on.wires.redis.hang() },
  ];

  it.each(ways)(
    'because it $way, Postgres decides, marked degraded, and each process keeps its own holds',
    async ({ way, fail }) => {
      const entity = way.replaceAll(' ', '-');
      await giveCredits(on, { entity, credits: '2' });
      expect(await on.reserve({ subject: `${entity}/p` })).toBe('allowed');
      await fail();
      expect(await on.check(`${entity}/p`)).toBe('~allowed');
      expect(await on.reserve({ subject: `${entity}/p`, inputTokens: 2 })).toBe('~allowed');
      expect(await on.reserve({ subject: `${entity}/p`, inputTokens: 3 })).toBe('~credits: final');
      expect(await on.reserve({ subject: `${entity}/p`, inputTokens: 1 })).toBe('~credits: retry');
      expect(await on.check(`${entity}/p`)).toBe('~credits: retry');
      await spend(on, aSubject(`${entity}/p`), '2');
      expect(await on.check(`${entity}/p`)).toBe('~credits: final');
    },
  );

  it('a reservation keeps its id', async () => {
    await giveCredits(on, { entity: 'named' });
    const order = anOrder({ subject: 'named/p', model: MODEL, requestId: 'r', ttlSeconds: 60 });
    const before = await on.quota.reserve(order);
    await on.wires.redis.cut();
    const { reservation: held } = before as Extract<typeof before, { allowed: true }>;
    expect(await on.quota.reserve(order)).toMatchObject({
      degraded: true,
      reservation: {
        id: held.id,
        holdPicos: usd('1'),
        period: '2026-11',
        expiresMs: NOON.getTime() + 60_000,
      },
    });
  });

  it('a request id with other content is a conflict, and so is any after its hold has ended', async () => {
    await giveCredits(on, { entity: 'contradicting' });
    await on.wires.redis.cut();
    const subject = 'contradicting/p';
    expect(await on.reserve({ subject, requestId: 'r', ttlSeconds: 60 })).toBe('~allowed');
    expect(await on.reserve({ subject, requestId: 'r', ttlSeconds: 60 })).toBe('~allowed');
    const named = { serviceTier: 'default', region: null };
    expect(await on.reserve({ subject, requestId: 'r', ttlSeconds: 60, ...named })).toBe('~allowed');
    for (const other of [
      { inputTokens: 2 },
      { maxOutputTokens: 1 },
      { model: 'another' },
      { serviceTier: 'batch' },
      { region: 'eu' },
    ]) {
      const again = on.reserve({ subject, requestId: 'r', ...other });
      await expect(again).rejects.toMatchObject({ code: 'conflict', param: 'request_id' });
    }
    on.clock.advance(60_000);
    const after = on.reserve({ subject, requestId: 'r' });
    await expect(after).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('has ended'),
    });
    on.clock.advance(900_000);
    expect(await on.reserve({ subject, requestId: 'r', inputTokens: 2 })).toBe('~allowed');
  });

  it('a model without a price is denied as ever, and a tier is held and handed over', async () => {
    await giveCredits(on, { entity: 'tiers' });
    await on.wires.redis.cut();
    const subject = 'tiers/p';
    const unpriced = on.reserve({ subject, model: 'nobody-priced-it' });
    await expect(unpriced).rejects.toMatchObject({ code: 'model_not_found' });
    const check = on.quota.check(aSubject(subject), 'nobody-priced-it');
    await expect(check).rejects.toMatchObject({ code: 'model_not_found' });
    const order = { subject, model: TIERED, requestId: 'r', serviceTier: 'priority', region: 'eu' };
    const first = await on.quota.reserve(anOrder({ ...order, ttlSeconds: 60 }));
    expect(first).toMatchObject({ degraded: true, reservation: { holdPicos: usd('6') } });
    await redisAnswersAgain();
    const again = await on.quota.reserve(anOrder({ ...order, ttlSeconds: 60 }));
    expect(again).toMatchObject({ degraded: false, reservation: { holdPicos: usd('6') } });
    const other = on.quota.reserve(anOrder({ ...order, region: null }));
    await expect(other).rejects.toMatchObject({ code: 'conflict' });
  });

  it('concurrent requests exceed no limit, and Redis has their holds as soon as it answers again', async () => {
    const entity = await giveCredits(on, { entity: 'bounded', credits: '7' });
    expect(await on.reserve({ subject: 'bounded/p' })).toBe('allowed');
    await on.wires.redis.cut();
    const decisions = await Promise.all(
      Array.from({ length: 50 }, () => on.quota.reserve(anOrder({ subject: 'bounded/p', model: MODEL }))),
    );
    const ids = decisions.flatMap((decision) => (decision.allowed ? [decision.reservation.id] : []));
    expect(ids).toHaveLength(7);
    const [released = '', extended = ''] = ids;
    await on.quota.release(released);
    expect(await on.quota.extend(extended, 3_600)).toMatchObject({
      expiresMs: NOON.getTime() + 3_600_000,
    });
    await redisAnswersAgain();
    expect(await on.reserve({ subject: 'bounded/p', inputTokens: 2 })).toBe('credits: retry');
    expect(await on.quota.held(entity)).toEqual({ heldPicos: usd('7'), requestCount: 7 });
    await on.quota.publish([{ entity, project: null }], [extended]);
    on.clock.advance(901_000);
    expect(await on.quota.held(entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('a hold that another process ends meanwhile does not come back', async () => {
    const entity = await giveCredits(on, { entity: 'settled', credits: '7' });
    const elsewhere = await on.another('closed');
    const id = reservationIdOf(aSubject('settled/p'), 'r');
    on.wires.redis.hang();
    expect(await on.reserve({ subject: 'settled/p', requestId: 'r' })).toBe('~allowed');
    await on.wires.redis.mend();
    await elsewhere.publish([{ entity, project: null }], [id]);
    await until('this process uses Redis again', async () => (await on.check('settled/p')) === 'allowed');
    expect(await on.quota.held(entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('a release succeeds, because the hold expires, and an extension fails', async () => {
    await giveCredits(on, { entity: 'ending' });
    const decision = await on.quota.reserve(anOrder({ subject: 'ending/p', model: MODEL, ttlSeconds: 60 }));
    const { id } = (decision as Extract<typeof decision, { allowed: true }>).reservation;
    await on.wires.redis.cut();
    await on.quota.release(id);
    await expect(on.quota.extend(id, 60)).rejects.toMatchObject(OVERLOADED);
    expect(await on.quota.held(aSubject('ending/p').entity)).toBeNull();
  });

  it('publishing throws, so that the job is retried and ends its holds then', async () => {
    const entity = await giveCredits(on, { entity: 'retried' });
    await on.wires.redis.cut();
    await expect(on.quota.publish([{ entity, project: null }])).rejects.toThrow('Redis is unavailable');
    await redisAnswersAgain();
    await on.quota.publish([{ entity, project: null }]);
  });

  it('a change that is answered meanwhile counts for every decision once Redis answers again', async () => {
    const entity = await giveCredits(on, { entity: 'retried-later', credits: '1' });
    expect(await on.check('retried-later/p')).toBe('allowed');
    await on.wires.redis.cut();
    await spend(on, aSubject('retried-later/p'), '1');
    await on.quota.publishNowOrLater([{ entity, project: null }]);
    expect(await on.check('retried-later/p')).toBe('~credits: final');
    await redisAnswersAgain();
    expect(await on.check('retried-later/p')).toBe('credits: final');
    await until('it is published without a decision', async () => {
      const facts = await on.redis.hget('tally:{retried-later}:state', 'facts');
      return facts?.includes('"creditsPicos":"0"') ?? false;
    });
  });

  it('states that were published before do not decide afterwards, because Redis may have lost later ones', async () => {
    await giveCredits(on, { entity: 'restored', credits: '1' });
    expect(await on.check('restored/p')).toBe('allowed');
    await spend(on, aSubject('restored/p'), '1');
    await on.redisServer.kill();
    await on.redisServer.restart();
    on.clock.advance(1_000);
    await until('Redis decides again', async () => (await on.check('restored/p')) === 'credits: final');
    expect(await on.redis.exists('tally:{restored}:state')).toBe(1);
  });
});

describe('while Postgres is unavailable', () => {
  it('Redis decides by fresh states, and for a quarter of an hour by aged ones, marked degraded', async () => {
    await giveCredits(on, { entity: 'aged', credits: '3' });
    expect(await on.reserve({ subject: 'aged/p' })).toBe('allowed');
    await on.wires.postgres.cut();
    expect(await on.reserve({ subject: 'aged/p' })).toBe('allowed');
    on.clock.advance(MINUTE_MS + 1);
    expect(await on.reserve({ subject: 'aged/p' })).toBe('~allowed');
    expect(await on.reserve({ subject: 'aged/p' })).toBe('~credits: retry');
    on.clock.advance(14 * MINUTE_MS);
    await expect(on.reserve({ subject: 'aged/p' })).rejects.toMatchObject(OVERLOADED);
    await on.wires.postgres.mend();
    on.clock.advance(1_000);
    expect(await on.reserve({ subject: 'aged/p' })).toBe('allowed');
  });

  it('because it does not answer, one decision waits a second at most, and the next ones do not wait', async () => {
    await giveCredits(on, { entity: 'hanging' });
    expect(await on.check('hanging/p')).toBe('allowed');
    on.wires.postgres.hang();
    on.clock.advance(MINUTE_MS + 1);
    const check = async () => expect(await on.check('hanging/p')).toBe('~allowed');
    expect(await ownMsOf(check)).toBeLessThan(2_000);
    expect(await ownMsOf(() => Promise.all(Array.from({ length: 20 }, check)))).toBeLessThan(500);
  });

  it('a state of another month, or from before a change of the credits, does not decide', async () => {
    const expiresAt = new Date(NOON.getTime() + 90_000).toISOString();
    await giveCredits(on, { entity: 'turning' });
    await giveCredits(on, { entity: 'expiring', expiresAt });
    expect(await on.check('expiring/p')).toBe('allowed');
    on.clock.set('2026-11-30T23:59:00Z');
    expect(await on.check('turning/p')).toBe('allowed');
    await on.wires.postgres.cut();
    on.clock.set('2026-12-01T00:00:00Z');
    await expect(on.check('turning/p')).rejects.toMatchObject(OVERLOADED);
    on.clock.set(expiresAt);
    await expect(on.check('expiring/p')).rejects.toMatchObject(OVERLOADED);
  });

  it('an entity that Redis does not know is decided as if both were unavailable', async () => {
    const open = await on.another('open');
    await on.wires.postgres.cut();
    await expect(on.reserve({ subject: 'unknown/p' })).rejects.toMatchObject(OVERLOADED);
    expect(await reserveInAWord(open, { subject: 'unknown/p' })).toBe('~allowed');
  });
});

describe('while both are unavailable', () => {
  beforeEach(async () => {
    await on.wires.postgres.mend();
  });

  it('the service answers that it is overloaded where it fails closed', async () => {
    await on.wires.redis.cut();
    await on.wires.postgres.cut();
    await expect(on.reserve()).rejects.toMatchObject(OVERLOADED);
    await expect(on.check()).rejects.toMatchObject(OVERLOADED);
  });

  it('that takes well under two seconds where neither answers, and no time from then on', async () => {
    on.wires.redis.hang();
    on.wires.postgres.hang();
    const check = () => expect(on.check('both-hang/p')).rejects.toMatchObject(OVERLOADED);
    expect(await ownMsOf(check)).toBeLessThan(2_000);
    expect(await ownMsOf(() => Promise.all(Array.from({ length: 20 }, check)))).toBeLessThan(300);
  });

  it('the service admits, marked degraded, where it fails open', async () => {
    const open = await on.another('open');
    await on.wires.redis.cut();
    await on.wires.postgres.cut();
    expect(await reserveInAWord(open)).toBe('~allowed');
    expect(await open.check(aSubject())).toEqual({
      allowed: true,
      degraded: true,
      source: 'local',
      mode: 'enforce',
      shadow: null,
      subject: aSubject(),
      period: '2026-11',
      remaining: { creditsPicos: null, projectCapPicos: null, entityCapPicos: null },
    });
  });
});
