import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertWorld, DAY_MS, USD } from '../support/alert-world.js';
import { LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';

const HOUR_MS = 3_600_000;
/** A million tokens of input. */
const MILLION_PICOS = 1_000_000n * LLAMA_PICOS_PER_TOKEN;
const channel = { type: 'email', recipients: [], subject_prefix: null };

let world: AlertWorld;
beforeAll(async () => {
  world = await AlertWorld.open();
});
afterAll(() => world.close());
beforeEach(() => world.begin());

describe('an alert of low credits', () => {
  it('fires once when the credits fall below its amount, not at it, and again after they were back', async () => {
    const id = await world.alert({ kind: 'low_balance', belowPicos: 10n * USD - MILLION_PICOS });
    expect(await world.firing.fire()).toBe(0);
    await world.grant(10n);
    expect(await world.firing.fire()).toBe(0);
    await world.spend(1);
    expect(await world.firing.fire()).toBe(0);
    await world.spend(1);
    expect(await world.firing.fire()).toBe(1);
    expect(await world.firing.fire()).toBe(0);
    const [first] = await world.news();
    expect(first).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'low_balance.triggered',
      timestamp: '2026-11-22T12:00:00.000Z',
      data: {
        id,
        entity: world.entity,
        credits_usd: '8.58',
        below_usd: '9.29',
        notification_channel: channel,
      },
    });
    await world.grant(1n);
    expect(await world.firing.fire()).toBe(0);
    await world.spend(2);
    expect(await world.firing.fire()).toBe(1);
    expect((await world.news())[0]!.id).not.toBe(first!.id);
  });

  it('counts no credits that have expired, or are not effective yet', async () => {
    await world.alert({ kind: 'low_balance', belowPicos: 5n * USD });
    await world.grant(10n, new Date(world.books.clock.now().getTime() + HOUR_MS));
    expect(await world.firing.fire()).toBe(0);
    world.books.clock.advance(HOUR_MS);
    expect(await world.firing.fire()).toBe(1);
    expect((await world.news())[0]!.data).toMatchObject({ credits_usd: '0' });
  });

  it('of who runs the service watches every entity that ever had credits, and tells only who runs it', async () => {
    await world.alert({ kind: 'low_balance', belowPicos: 5n * USD }, null);
    await world.grant(1n);
    const poor = world.entity;
    await world.anEntity('z');
    await world.firing.fire();
    const told = await world.news();
    expect(told.map(({ data }) => data['entity'])).toContain(poor);
    expect(told.every(({ data }) => !String(data['entity']).startsWith('z-'))).toBe(true);
    const { rows } = await world.books.postgres.pool.query('select from mail_deliveries where entity <> $1', [
      '',
    ]);
    expect(rows.length).toBe(0);
  });
});

describe('an alert of credits that run out', () => {
  it('fires when they last for less than its days at the pace of the last seven, exactly', async () => {
    await world.alert({ kind: 'credits_running_out', withinDays: 14 });
    world.books.clock.set('2026-11-15T11:00:00Z');
    await world.grant(30n);
    world.books.clock.set('2026-11-15T12:30:00Z');
    // Before the seven days.
    await world.spend(5, { occurredAt: new Date('2026-11-15T11:59:00Z') });
    await world.spend(10, { occurredAt: new Date('2026-11-15T12:10:00Z') });
    world.books.clock.set('2026-11-22T12:30:00Z');
    // 30 - 3.55 - 7.10 = 19.35 left, and at 7.10 a week that lasts for 19 days.
    expect(await world.firing.firePaced()).toBe(0);
    // 18.64 left, and at 7.81 a week that lasts for 16 days.
    await world.spend(1, { occurredAt: new Date('2026-11-22T11:05:00Z') });
    expect(await world.firing.firePaced()).toBe(0);
    // In the hour that has begun: 13.67 left, and at 12.78 a week that lasts for less than eight days.
    await world.spend(7, { occurredAt: new Date('2026-11-22T12:05:00Z') });
    expect(await world.firing.firePaced()).toBe(1);
    expect(await world.firing.firePaced()).toBe(0);
    expect((await world.news())[0]).toMatchObject({
      type: 'credits_running_out.triggered',
      data: { credits_usd: '13.67', spent_last_7_days_usd: '12.78', within_days: 14 },
    });
    await world.grant(100n);
    expect(await world.firing.firePaced()).toBe(0);
    world.books.clock.advance(9 * DAY_MS);
    expect(await world.firing.firePaced()).toBe(0);
  });
});

describe('an alert of a cap', () => {
  const cap = (picos: bigint | null) =>
    world.books.postgres.pool.query(
      'update entities set monthly_cap_own = true, monthly_cap_picos = $2, overage = $3 where name = $1',
      [world.entity, picos === null ? null : String(picos), 'allowed'],
    );

  it('fires once a month and cap when the spend reaches its share, not below', async () => {
    const id = await world.alert({ kind: 'cap_share', sharePercent: 50, cap: 'monthly' });
    await cap(4n * MILLION_PICOS);
    await world.spend(1);
    expect(await world.firing.fire()).toBe(0);
    await world.spend(1);
    expect(await world.firing.fire()).toBe(1);
    await world.spend(1);
    expect(await world.firing.fire()).toBe(0);
    expect(await world.news()).toMatchObject([
      {
        type: 'cap_share.triggered',
        data: {
          id,
          entity: world.entity,
          project: null,
          period: '2026-11',
          cap: 'monthly',
          share_percent: 50,
          spent_usd: '1.42',
          cap_usd: '2.84',
        },
      },
    ]);
    await cap(6n * MILLION_PICOS);
    expect(await world.firing.fire()).toBe(1);
    await cap(null);
    expect(await world.firing.fire()).toBe(0);
    await cap(4n * MILLION_PICOS);
    expect(await world.firing.fire()).toBe(1);
    world.books.clock.set('2026-12-05T12:00:00Z');
    expect(await world.firing.fire()).toBe(0);
    await world.spend(3);
    expect(await world.firing.fire()).toBe(1);
  });

  it('of a project looks at that project and its cap, and one of the year at the year', async () => {
    await world.alert({ kind: 'cap_share', sharePercent: 100, cap: 'monthly', project: 'p' });
    await world.alert({ kind: 'cap_share', sharePercent: 100, cap: 'yearly' });
    await world.spend(1, { subject: `${world.entity}/other` });
    await world.spend(1);
    await world.books.postgres.pool.query(
      'update projects set monthly_cap_picos = $2 where entity = $1 and name = $3',
      [world.entity, String(MILLION_PICOS), 'p'],
    );
    expect(await world.firing.fire()).toBe(1);
    expect((await world.news())[0]!.data).toMatchObject({ project: 'p', spent_usd: '0.71' });
    await world.books.postgres.pool.query(
      'update entities set yearly_cap_own = true, yearly_cap_picos = $2 where name = $1',
      [world.entity, String(2n * MILLION_PICOS)],
    );
    expect(await world.firing.fire()).toBe(1);
    expect((await world.news())[0]!.data).toMatchObject({ project: null, period: '2026', spent_usd: '1.42' });
  });
});
