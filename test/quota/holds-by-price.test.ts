import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { formatSubject, type Subject } from '../../src/domain/ids.js';
import type { ReservationOrder } from '../../src/quota/reservation.js';
import { anOrder, NOON, usd } from '../support/quota.js';
import {
  aCustomer,
  MODEL,
  quotaServers,
  spend,
  TIERED,
  type QuotaServers,
} from '../support/quota-service.js';

let on: QuotaServers;
beforeAll(async () => (on = await quotaServers()));
afterAll(() => on.close());
beforeEach(() => on.clock.set(NOON));

const NOT_FOUND = {
  code: 'model_not_found',
  param: 'model',
  message: 'The model `nobody-priced-it` does not exist or you do not have access to it',
};

const customer = (entity: string, credits?: string) => aCustomer(on, { entity, credits });

const order = (subject: Subject, requestId: string | null = null) =>
  anOrder({ subject: formatSubject(subject), model: MODEL, requestId, inputTokens: 2, maxOutputTokens: 1 });

describe('a reservation of a model with variants', () => {
  it.each<[Partial<ReservationOrder>, string]>([
    [{}, '4'],
    [{ serviceTier: 'batch' }, '2'],
    [{ serviceTier: 'priority' }, '8'],
    [{ serviceTier: 'auto' }, '8'],
    [{ serviceTier: 'unheard-of' }, '4'],
    [{ region: 'eu' }, '8'],
    [{ region: null }, '8'],
    [{ region: null, serviceTier: 'batch' }, '4'],
    [{ ttlSeconds: 599 }, '4'],
    [{ ttlSeconds: 600 }, '22'],
    [{ inputTokens: 50 }, '52'],
    [{ inputTokens: 51 }, '206'],
    [{ inputTokens: null }, '402'],
    [{ inputTokens: null, maxOutputTokens: null }, '420'],
  ])('holds the dearest that %j may meet: $%s', async (asked, held) => {
    const subject = await customer('tiered', '100000');
    await on.sql(`update entities set monthly_cap_own = true where name = 'tiered'`);
    const decision = await on.quota.reserve({
      ...order(subject),
      model: TIERED,
      ttlSeconds: 60,
      region: 'us',
      ...asked,
    });
    expect(decision).toMatchObject({ reservation: { holdPicos: usd(held), basis: expect.any(String) } });
  });

  it('is another request with another tier or region, and the same with the default tier by its name', async () => {
    const subject = await customer('named', '100');
    const reserve = (asked: Partial<ReservationOrder>) =>
      on.quota.reserve({ ...order(subject, 'r1'), model: TIERED, ttlSeconds: 60, ...asked });
    const place = { serviceTier: 'priority', region: 'eu:west;1' };
    const first = await reserve(place);
    expect(first).toMatchObject({ reservation: { ...place, holdPicos: usd('8') } });
    expect(await reserve(place)).toEqual(first);
    for (const other of [{}, { ...place, serviceTier: 'batch' }, { ...place, region: 'us' }]) {
      await expect(reserve(other)).rejects.toMatchObject({ code: 'conflict', param: 'request_id' });
    }
    const { id } = (first as Extract<typeof first, { allowed: true }>).reservation;
    expect(await on.quota.extend(id, 1_800)).toMatchObject({ model: TIERED, ...place, inputTokens: 2 });
    const plain = await on.quota.reserve(order(subject, 'r2'));
    const named = await on.quota.reserve({ ...order(subject, 'r2'), serviceTier: 'default' });
    expect(named).toMatchObject({ allowed: true, reservation: { serviceTier: 'default' } });
    expect(plain).toMatchObject({ allowed: true, reservation: { serviceTier: null } });
    expect(await on.quota.held(subject.entity)).toMatchObject({ requestCount: 2 });
  });
});

describe('a reservation of a model without a price', () => {
  it('is denied, whatever the limits', async () => {
    const subject = await customer('unpriced');
    const unpriced = { ...order(subject), model: 'nobody-priced-it' };
    for (const mode of ['enforce', 'shadow', 'off']) {
      await on.sql(`update entities set quota_mode = $1, version = version + 1 where name = 'unpriced'`, [
        mode,
      ]);
      await on.quota.publish([subject]);
      await expect(on.quota.reserve(unpriced)).rejects.toMatchObject(NOT_FOUND);
      await expect(on.quota.check(subject, unpriced.model)).rejects.toMatchObject(NOT_FOUND);
      expect(await on.quota.check(subject, MODEL)).toMatchObject({ allowed: true, mode });
    }
    expect(await on.quota.held(subject.entity)).toEqual({ heldPicos: 0n, requestCount: 0 });
  });

  it('holds nothing where such models are admitted, and is denied only where no room is left', async () => {
    const subject = await customer('admitted', '0.000000001');
    const lenient = await on.another('closed', 'admit');
    const unpriced = () => ({ ...order(subject), model: 'nobody-priced-it' });
    expect(await lenient.reserve(unpriced())).toMatchObject({
      allowed: true,
      reservation: { holdPicos: 0n, basis: 'none' },
    });
    expect(await lenient.check(subject, 'nobody-priced-it')).toMatchObject({ allowed: true });
    await spend(on, subject, '0.000000001');
    await on.quota.publish([subject]);
    expect(await lenient.reserve(unpriced())).toMatchObject({
      denial: { limit: 'credits', retryable: false },
    });
  });
});
