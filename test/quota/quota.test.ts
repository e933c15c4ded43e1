import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TallyError } from '../../src/domain/errors.js';
import { entityOfReservation, formatSubject, type Subject } from '../../src/domain/ids.js';
import { Accounts } from '../../src/accounts/accounts.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { UnknownEntities } from '../../src/quota/unknown-entities.js';
import { anOrder, NOON, usd } from '../support/quota.js';
import {
  aCustomer,
  giveCredits,
  MODEL,
  quotaServers,
  reserveInAWord,
  spend,
  type QuotaServers,
} from '../support/quota-service.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers()));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));

const MINUTE_MS = 60_000;

/** A new entity, and its project `p`. */
const customer = (entity: string, credits?: string) => aCustomer(on, { entity, credits });

const order = (subject: Subject, requestId: string | null = null) =>
  anOrder({
    subject: formatSubject(subject),
    model: MODEL,
    requestId,
    inputTokens: 2,
    maxOutputTokens: 1,
  });

async function reserved(subject: Subject, requestId: string | null = null) {
  const decision = await on.quota.reserve(order(subject, requestId));
  if (!decision.allowed) throw new Error(`denied by ${decision.denial.limit}`);
  return decision.reservation;
}

describe('a reservation', () => {
  it('holds the worst case at the price in force, and says what other holds leave', async () => {
    const subject = await customer('worst-case');
    expect(await on.quota.reserve(order(subject, 'r1'))).toEqual({
      allowed: true,
      degraded: false,
      source: 'redis',
      mode: 'enforce',
      shadow: null,
      reservation: {
        id: expect.stringMatching(/^res_[\w-]{22}\.worst-case$/),
        subject,
        model: MODEL,
        inputTokens: 2,
        maxOutputTokens: 1,
        fallbacks: [],
        inputBytes: null,
        inputCount: 1,
        outputCount: 1,
        requestId: 'r1',
        sinceMs: null,
        serviceTier: null,
        region: null,
        period: '2026-11',
        holdPicos: usd('4'),
        basis: 'requested',
        expiresMs: NOON.getTime() + 900_000,
        remaining: { creditsPicos: usd('10'), projectCapPicos: null, entityCapPicos: usd('100') },
      },
    });
    const { remaining } = await reserved(subject, 'r2');
    expect(remaining).toEqual({ creditsPicos: usd('6'), projectCapPicos: null, entityCapPicos: usd('96') });
    expect(await on.quota.held(subject.entity)).toEqual({ heldPicos: usd('8'), requestCount: 2 });
  });

  it('holds the maximum of the model for tokens that the request does not name', async () => {
    const subject = await customer('maximum', '200');
    const unknown = { ...order(subject), inputTokens: null, maxOutputTokens: null };
    await on.sql(`update entities set monthly_cap_own = true where name = 'maximum'`);
    expect(await on.quota.reserve(unknown)).toMatchObject({ reservation: { holdPicos: usd('120') } });
  });

  it('is the same for a repeated request while it lives, and a new one without a request id', async () => {
    const subject = await customer('repeated', '50');
    const first = await reserved(subject, 'r1');
    expect(await reserved(subject, 'r1')).toEqual(first);
    expect((await reserved(subject)).id).not.toBe((await reserved(subject)).id);
    expect(await on.quota.held(subject.entity)).toMatchObject({ requestCount: 3 });
  });

  it('is a conflict for the same request id with other content, instead of a shared hold', async () => {
    const subject = await customer('conflicting');
    await reserved(subject, 'r1');
    const other = on.quota.reserve({ ...order(subject, 'r1'), inputTokens: 3 });
    await expect(other).rejects.toMatchObject({ code: 'conflict', param: 'request_id' });
  });

  it('can be extended until it has ended, and released any number of times', async () => {
    const subject = await customer('extended');
    const { id } = await reserved(subject);
    expect(await on.quota.extend(id, 1_800)).toEqual({
      id,
      subject,
      model: MODEL,
      fallbacks: [],
      inputTokens: 2,
      inputBytes: null,
      inputCount: 1,
      outputCount: 1,
      requestId: null,
      sinceMs: NOON.getTime(),
      maxOutputTokens: 1,
      serviceTier: null,
      region: null,
      period: '2026-11',
      holdPicos: usd('4'),
      expiresMs: NOON.getTime() + 1_800_000,
    });
    await on.quota.release(id);
    await on.quota.release(id);
    await expect(on.quota.extend(id, 1_800)).rejects.toMatchObject({ code: 'not_found' });
    await expect(on.quota.release('not-an-id')).rejects.toBeInstanceOf(TallyError);
    expect(await on.quota.held(subject.entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
  });
});

describe('a cold state', () => {
  it('is loaded for 2,000 reservations at once in a few statements, and exactly as many as fit are admitted', async () => {
    await giveCredits(on, { entity: 'cold', credits: '317.5' });
    await on.sql(`update entities set monthly_cap_own = true where name = 'cold'`);
    const before = on.queryCount();
    const verdicts = await Promise.all(
      Array.from({ length: 2_000 }, (_, i) => on.reserve({ subject: 'cold/p', requestId: `r${i}` })),
    );
    expect(verdicts.filter((verdict) => verdict === 'allowed')).toHaveLength(317);
    expect(verdicts.filter((verdict) => verdict === 'credits: retry')).toHaveLength(1_683);
    expect(on.queryCount() - before).toBeLessThanOrEqual(4);
  });

  it('is loaded in batches for many projects at once', async () => {
    await giveCredits(on, { entity: 'wide', credits: '10' });
    const before = on.queryCount();
    const verdicts = await Promise.all(Array.from({ length: 400 }, (_, i) => on.check(`wide/p${i}`)));
    expect(new Set(verdicts)).toEqual(new Set(['allowed']));
    expect(on.queryCount() - before).toBeLessThan(20);
  });

  it('of an unknown entity is the default plan without credits, and asking creates no row', async () => {
    expect(await on.check('nobody/p')).toBe('credits: final');
    expect(await on.sql(`select from entities where name = 'nobody'`)).toEqual([]);
  });

  it('decides as before after every key was lost, apart from the holds', async () => {
    const subject = await customer('flushed');
    await spend(on, subject, '7');
    expect(await on.reserve({ subject: 'flushed/p', inputTokens: 2 })).toBe('allowed');
    expect(await on.reserve({ subject: 'flushed/p', inputTokens: 2 })).toBe('credits: retry');
    await on.redis.flushall();
    expect(await on.reserve({ subject: 'flushed/p', inputTokens: 4 })).toBe('credits: final');
    expect(await on.reserve({ subject: 'flushed/p', inputTokens: 3 })).toBe('allowed');
  });

  it('is loaded at the instant at which credits begin or expire', async () => {
    const at = (seconds: number) => new Date(NOON.getTime() + seconds * 1_000).toISOString();
    const credits = '1';
    await giveCredits(on, { entity: 'timed', credits, effectiveAt: at(10), expiresAt: at(20) });
    expect(await on.check('timed/p')).toBe('credits: final');
    on.clock.advance(10_000);
    expect(await on.check('timed/p')).toBe('allowed');
    on.clock.advance(9_999);
    expect(await on.check('timed/p')).toBe('allowed');
    on.clock.advance(1);
    expect(await on.check('timed/p')).toBe('credits: final');
  });

  it('is loaded again when the month turns, because the month before never decides in the new one', async () => {
    const subject = await customer('month', '500');
    await spend(on, subject, '100');
    on.clock.set('2026-11-30T23:59:59.999Z');
    expect(await on.check('month/p')).toBe('entity_monthly_cap: final');
    on.clock.advance(1);
    expect(await on.check('month/p')).toBe('allowed');
    expect(await reserved(subject)).toMatchObject({ period: '2026-12' });
  });

  it('has the new allowance of the plan when the month turns', async () => {
    await on.sql(
      `insert into plans (name, overage, monthly_credit_picos) values ('monthly', 'blocked', ${usd('1')})`,
    );
    await on.sql(`insert into entities (name, plan, created_at) values ('allowed', 'monthly', now())`);
    expect(await on.reserve({ subject: 'allowed/p' })).toBe('allowed');
    expect(await on.reserve({ subject: 'allowed/p' })).toBe('credits: retry');
    on.clock.set('2026-12-01T00:00:00Z');
    expect(await on.reserve({ subject: 'allowed/p', inputTokens: 2 })).toBe('credits: final');
    on.clock.advance(900_000);
    expect(await on.reserve({ subject: 'allowed/p' })).toBe('allowed');
  });
});

describe('publishing', () => {
  it('makes a changed default plan count for an unknown entity, even while its state is being read', async () => {
    const setOverage = (overage: string) =>
      on.sql(`update plans set overage = $1, version = version + 1 where name = 'free'`, [overage]);
    const known: string[] = [];
    const read = on.wires.postgres.breakAt({
      text: 'nobody-yet',
      after: 'from quota_states',
      when: 'answered',
      spare: true,
      doing: async () => {
        await setOverage('allowed');
        for await (const names of new UnknownEntities(
          new RedisNodes(on.redis),
          on.admin,
          new Accounts(),
        ).pages())
          known.push(...names);
      },
    });
    await on.check('nobody-yet/p');
    await read;
    const verdict = await on.check('nobody-yet/p');
    await setOverage('blocked');
    expect(known).not.toContain('nobody-yet');
    expect(verdict).toBe('allowed');
  });

  it('makes a purchase and a changed limit count for the next decision in every process', async () => {
    const subject = await customer('buyer', '1');
    const other = await on.another('closed');
    await spend(on, subject, '1');
    expect(await on.check('buyer/p')).toBe('credits: final');
    await giveCredits(on, { entity: 'buyer', credits: '5' });
    await on.quota.publish([{ entity: subject.entity, project: null }]);
    expect(await reserveInAWord(other, { subject: 'buyer/p' })).toBe('allowed');
    await on.sql(`insert into projects values ('buyer', 'p', 0, null, now())`);
    await on.sql(`update entities set version = version + 1 where name = 'buyer'`);
    await on.quota.publish([subject]);
    expect(await on.check('buyer/p')).toBe('project_monthly_cap: final');
  });

  it('ends the holds of a batch of many entities and stores what each of them spent', async () => {
    const subjects = await Promise.all(Array.from({ length: 30 }, (_, i) => customer(`batch${i}`)));
    const ids = await Promise.all(subjects.map(async (subject) => (await reserved(subject)).id));
    for (const subject of subjects) await spend(on, subject, '7');
    const before = on.queryCount();
    await on.quota.publish(subjects, [...ids, ...ids, 'no-reservation']);
    expect(on.queryCount() - before).toBeLessThanOrEqual(2);
    for (const { entity } of subjects) {
      expect(await on.quota.held(entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
      expect(await on.reserve({ subject: `${entity}/p`, inputTokens: 4 })).toBe('credits: final');
      expect(await on.reserve({ subject: `${entity}/p`, inputTokens: 3 })).toBe('allowed');
    }
  });

  it('ends no hold of an entity whose state it does not publish', async () => {
    const [mine, theirs] = await Promise.all([customer('mine'), customer('theirs')]);
    const { id } = await reserved(theirs);
    await on.quota.publish([mine], [id]);
    expect(entityOfReservation(id)).toBe('theirs');
    expect(await on.quota.held(theirs.entity)).toMatchObject({ requestCount: 1 });
  });

  it('may be lost, because the state is loaded again after a minute', async () => {
    const subject = await customer('unheard', '1');
    expect(await on.check('unheard/p')).toBe('allowed');
    await spend(on, subject, '1');
    expect(await on.check('unheard/p')).toBe('allowed');
    on.clock.advance(MINUTE_MS + 1);
    expect(await on.check('unheard/p')).toBe('credits: final');
  });
});
