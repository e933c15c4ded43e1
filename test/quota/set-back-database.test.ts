import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { formatSubject, type Subject } from '../../src/domain/ids.js';
import { NOON, usd } from '../support/quota.js';
import { aCustomer, quotaServers, spend, type QuotaServers } from '../support/quota-service.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers()));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));

describe('a database that was set back to an earlier state unnoticed', () => {
  const setBack = (subject: Subject) =>
    on.sql(
      `with s as (delete from entity_spend where entity = $1), p as (delete from project_spend where entity = $1),
       g as (update credit_grants set remaining_picos = amount_picos, burnt_picos = 0 where entity = $1)
       update entities set version = 1 where name = $1`,
      [subject.entity],
    );
  const spent = async (subject: Subject) => {
    for (const amount of ['1', '2', '3']) {
      await spend(on, subject, amount);
      await on.quota.publish([subject]);
    }
    expect((await on.quota.check(subject)).allowed).toBe(true);
    await setBack(subject);
  };
  const creditsLeft = async (subject: Subject) => {
    const decision = await on.quota.check(subject);
    return decision.allowed && !decision.degraded ? decision.remaining.creditsPicos : decision;
  };

  it('decides as soon as any of its states is published, although the states in Redis are later', async () => {
    const subject = await aCustomer(on, { entity: 'set-back' });
    await spent(subject);
    await on.quota.publish([subject]);
    expect(await creditsLeft(subject)).toBe(usd('10'));
    await spend(on, subject, '4');
    await on.quota.publish([subject]);
    expect(await creditsLeft(subject)).toBe(usd('6'));
  });

  it('decides a minute later where none is published, and the holds in flight stay', async () => {
    const subject = await aCustomer(on, { entity: 'set-back-quietly' });
    await spent(subject);
    expect(await on.reserve({ subject: formatSubject(subject), inputTokens: 4 })).toBe('allowed');
    on.clock.advance(60_001);
    expect(await creditsLeft(subject)).toBe(usd('6'));
    expect(await on.quota.held(subject.entity)).toEqual({ heldPicos: usd('4'), requestCount: 1 });
  });

  it('is not assumed where a state only arrives after a later one', async () => {
    const subject = await aCustomer(on, { entity: 'overtaken' });
    await spend(on, subject, '1');
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await spend(on, subject, '0.1');
        await on.quota.publish([subject]);
      }),
    );
    expect(await creditsLeft(subject)).toBe(usd('7'));
  });
});
