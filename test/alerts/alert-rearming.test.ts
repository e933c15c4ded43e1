import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { publish } from '../support/correcting.js';
import { AlertWorld, DAY_MS, NOTHING, USD } from '../support/alert-world.js';

let world: AlertWorld;
beforeAll(async () => {
  world = await AlertWorld.open();
});
afterAll(() => world.close());
beforeEach(() => world.begin());

describe('an alert of usage that is not charged or not read', () => {
  it('fires once for each model whose usage waits for a price', async () => {
    await world.alert({ kind: 'unpriced_usage' });
    await world.alert({ kind: 'unpriced_usage' }, null);
    const [first, second] = [`m-${randomUUID()}`, `m-${randomUUID()}`];
    await world.spend(1, { model: first });
    await world.spend(1, { model: first });
    expect(await world.firing.fire()).toBe(2);
    await world.spend(1, { model: second });
    expect(await world.firing.fire()).toBe(2);
    expect(await world.firing.fire()).toBe(0);
    const told = await world.news();
    expect(new Set(told.map(({ data }) => data['model']))).toEqual(new Set([first, second]));
    expect(told[0]).toMatchObject({ type: 'unpriced_usage.triggered', data: { entity: world.entity } });
  });

  it('fires again where usage of a model waits once more after all of it was charged', async () => {
    await world.alert({ kind: 'unpriced_usage' });
    const model = `m-${randomUUID()}`;
    await world.spend(1, { model });
    expect(await world.firing.fire()).toBe(1);
    await publish(world.books, model, '1');
    await world.books.unpriced.charge();
    expect(await world.firing.fire()).toBe(0);
    await world.spend(1, { model, quantities: { search: 1 } });
    expect(await world.firing.fire()).toBe(1);
    expect(await world.firing.fire()).toBe(0);
  });

  it('fires once for each field that cannot be read, and again where it is back after a week without', async () => {
    await world.alert({ kind: 'unread_fields' });
    const [one, other] = [`a-${randomUUID()}`, `b-${randomUUID()}`];
    const unreadable = (unread: string[]) => world.spend(1, { unread, rawUsage: { some: 1 } });
    await unreadable([one]);
    await unreadable([one]);
    expect(await world.firing.fire()).toBe(1);
    await unreadable([one, other]);
    expect(await world.firing.fire()).toBe(1);
    expect((await world.news()).map(({ type, data }) => [type, data['field']])).toEqual([
      ['unread_fields.triggered', one],
      ['unread_fields.triggered', other],
    ]);
    world.books.clock.advance(7 * DAY_MS + 1);
    expect(await world.firing.fire()).toBe(0);
    await unreadable([one]);
    expect(await world.firing.fire()).toBe(1);
  });
});

describe('an alert of credits that run out', () => {
  it('fires again where they would last no longer after they were topped up', async () => {
    await world.alert({ kind: 'credits_running_out', withinDays: 7 });
    await world.grant(1n);
    await world.spend(1, { occurredAt: new Date('2026-11-22T10:00:00Z') });
    expect(await world.firing.firePaced()).toBe(1);
    await world.grant(1n);
    expect([await world.firing.firePaced(), await world.firing.firePaced()]).toEqual([0, 0]);
    await world.spend(1, { occurredAt: new Date('2026-11-22T10:00:00Z') });
    expect([await world.firing.firePaced(), await world.firing.firePaced()]).toEqual([1, 0]);
  });
});

describe('an alert of a late queue', () => {
  it('fires once while usage waits for longer than it may, and again after the queue was on time', async () => {
    await world.alert({ kind: 'queue_late', olderThanSeconds: 60 }, null);
    const late = async (): Promise<void> => {
      await world.queue.add([{}]);
      world.books.clock.advance(60_000);
      expect(await world.firing.fire()).toBe(0);
      world.books.clock.advance(1_000);
      expect(await world.firing.fire()).toBe(1);
      expect(await world.firing.fire()).toBe(0);
      expect(
        (await world.news()).map(({ type, data }) => [type, data['oldest_seconds'], data['entity']]),
      ).toEqual([['queue_late.triggered', 61, null]]);
      await world.books.redis.flushall();
      expect(await world.firing.fire()).toBe(0);
    };
    await late();
    await late();
  });
});

describe('any alert', () => {
  it('fires once, however many checks run at once', async () => {
    await world.grant(1n);
    for (let index = 0; index < 10; index += 1)
      await world.alert({ kind: 'low_balance', belowPicos: 5n * USD });
    const fired = await Promise.all(Array.from({ length: 6 }, () => world.firing.fire()));
    expect(fired.reduce((sum, count) => sum + count, 0)).toBe(10);
    expect((await world.news()).length).toBe(10);
  });

  it('fires while that of another entity cannot be told', async () => {
    await world.alert({ kind: 'low_balance', belowPicos: 5n * USD });
    await world.grant(1n);
    const broken = world.entity;
    world.entity = await world.anEntity('z');
    await world.grant(1n);
    await world.alert({ kind: 'low_balance', belowPicos: 5n * USD });
    const { pool } = world.books.postgres;
    await pool.query(`alter table alert_states add constraint no check (entity <> '${broken}') not valid`);
    await expect(world.firing.fire()).rejects.toThrow(/^1 of 2 failed/);
    await pool.query('alter table alert_states drop constraint no');
    expect((await world.news()).map(({ data }) => data['entity'])).toEqual([world.entity]);
    expect(await world.firing.fire()).toBe(1);
  });

  it('is armed again where it is changed, and says nothing once it is deleted', async () => {
    await world.grant(1n);
    const id = await world.alert({ kind: 'low_balance', belowPicos: 5n * USD });
    expect(await world.firing.fire()).toBe(1);
    const changed = { ...NOTHING, kind: 'low_balance' as const, belowPicos: 4n * USD };
    await world.books.database.transaction((tx) =>
      world.alerts.update(tx, world.entity, { id, alert: changed, actor: 'test' }),
    );
    expect(await world.firing.fire()).toBe(1);
    await world.books.database.transaction((tx) =>
      world.alerts.delete(tx, world.entity, { id, actor: 'test' }),
    );
    expect(await world.firing.fire()).toBe(0);
    expect((await world.books.postgres.pool.query('select from alert_states')).rowCount).toBe(0);
  });
});
