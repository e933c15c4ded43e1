/** Lists of one customer's kept events, where another customer has one that no list can unpack. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anOldMonth, keepEventsFor, type OldMonth } from '../support/old-month.js';

let world: OldMonth;
beforeAll(async () => {
  world = await anOldMonth();
  await keepEventsFor(world, 4);
  await world.months.drop();
  await keepBroken('beta', '2020-01-20T00:00:00Z');
});
afterAll(() => world.close());

const keepBroken = (entity: string, occurredAt: string) =>
  world.postgres.pool.query(
    `insert into kept_events (entity, occurred_at, identity, event) values ($1, $2, gen_random_uuid(), '{"cost_picos": "none"}')`,
    [entity, occurredAt],
  );

const ask = async (request: string) => {
  const { status, body } = await world.app.call(request);
  return { status, count: body.data?.length, last: body.last_id };
};

describe('the kept events of a customer', () => {
  it('are listed as corrections, page by page, without unpacking those of others', async () => {
    const first = await ask('GET /v1/admin/usage_corrections?entity=alpha&limit=2');
    expect(first).toMatchObject({ status: 200, count: 2 });
    const rest = await ask(`GET /v1/admin/usage_corrections?entity=alpha&limit=2&after=${first.last}`);
    expect(rest).toMatchObject({ status: 200, count: 1 });
    // It is broken indeed: what asks for all customers reads it.
    expect((await ask('GET /v1/admin/usage_corrections')).status).not.toBe(200);
  });

  it('are listed as events, page by page, without unpacking those of others and of other times', async () => {
    await keepBroken('alpha', '2019-11-20T00:00:00Z');
    const first = await ask('GET /v1/entities/alpha/events?period=2020-02&limit=1');
    expect(first).toMatchObject({ status: 200, count: 1 });
    const second = await ask(`GET /v1/entities/alpha/events?period=2020-02&limit=1&after=${first.last}`);
    expect(second).toMatchObject({ status: 200, count: 1 });
    expect(second.last).not.toBe(first.last);
  });
});
