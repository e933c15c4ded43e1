import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../../support/app.js';
import { anEventBody, LLAMA, LLAMA_PICOS_PER_TOKEN } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { TestClock } from '../../support/test-clock.js';
import { aTestQueue, type TestQueue } from '../../support/usage-queue.js';

const BEFORE = '2026-11-30T23:59:59.999Z';
const AFTER = '2026-12-01T00:00:00.000Z';

const clock = new TestClock();
let app: TestApp;
let queue: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock });
  queue = await aTestQueue(app.redis.url, { mayDie: false });
});
afterAll(async () => {
  await queue.close();
  await app.close();
});
beforeEach(() => clock.set(BEFORE));
afterEach(async () => {
  const { body } = await app.call('GET /v1/admin/reconciliation');
  expect(body.checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
});

const sql = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
  (await app.postgres.pool.query(text, [...values])).rows as Row[];

/** 1,000 tokens hold $0.00071. */
const reserve = (entity: string) =>
  app.call('POST /v1/quota/reservations', {
    body: { project: `${entity}/p`, model: LLAMA, input_tokens: 500, max_output_tokens: 500 },
  });
const finish = (entity: string, reservation_id: string | null, time: string, model = LLAMA) =>
  anEventBody(
    { subject: `${entity}/p`, time },
    { model, reservation_id, usage: { prompt_tokens: 500, completion_tokens: 500 } },
  );

describe('a month that turns while requests run', () => {
  it('keeps them in the month of their reservation, books them there, and starts the new one with full room', async () => {
    await app.limit('turning', { monthly_cap_usd: '0.0071', overage: 'allowed' });
    const held = await Promise.all(Array.from({ length: 10 }, () => reserve('turning')));
    expect(held.map(({ status, body }) => [status, body.period])).toEqual(
      Array.from({ length: 10 }, () => [201, '2026-11']),
    );
    expect((await reserve('turning')).status).toBe(429);
    clock.set(AFTER);
    // What still runs keeps its hold, so the new month's room is free as these end.
    const full = await reserve('turning');
    expect([full.status, full.body.error.code]).toEqual([429, 'rate_limit_exceeded']);
    const ids = held.map(({ body }) => body.id as string);
    await queue.add(ids.map((id) => finish('turning', id, BEFORE)));
    await queue.drained();
    const next = await Promise.all(Array.from({ length: 11 }, () => reserve('turning')));
    expect(next.filter(({ status }) => status === 201).map(({ body }) => body.period)).toEqual(
      Array.from({ length: 10 }, () => '2026-12'),
    );
    const spend = await sql(
      `select period, cost_picos::text as cost from entity_spend where entity = 'turning'`,
    );
    expect(spend).toEqual([{ period: '2026-11', cost: '7100000000' }]);
  });

  it('never decides by the state of the month before, however many ask at the turn', async () => {
    await app.limit('crowd', { monthly_cap_usd: '0.00071', overage: 'allowed' });
    await queue.add([finish('crowd', null, BEFORE)]);
    await queue.drained();
    expect((await reserve('crowd')).body.error.code).toBe('insufficient_quota');
    clock.set(AFTER);
    const answers = await Promise.all(Array.from({ length: 40 }, () => reserve('crowd')));
    expect(answers.filter(({ status }) => status === 201).map(({ body }) => body.period)).toEqual([
      '2026-12',
    ]);
  });
});

describe('a price that is published in the middle of a batch', () => {
  it('rates what happened before it by the old version and what happened from then on by the new one', async () => {
    const before = Array.from({ length: 400 }, () => finish('priced', null, BEFORE));
    const sending = queue.add(before);
    const published = app.call('POST /v1/admin/prices', {
      body: {
        model: LLAMA,
        effective_from: AFTER,
        input_usd_per_million: '2',
        output_usd_per_million: '3',
      },
    });
    expect((await published).status).toBe(201);
    await sending;
    clock.set(AFTER);
    const late = Array.from({ length: 200 }, () => finish('priced', null, BEFORE));
    const after = Array.from({ length: 200 }, () => finish('priced', null, AFTER));
    await queue.add([late.flatMap((event, index) => [event, after[index]])]);
    await queue.drained();
    const oldPicos = 600n * 1_000n * LLAMA_PICOS_PER_TOKEN;
    const newPicos = 200n * (500n * 2_000_000n + 500n * 3_000_000n);
    expect(await countedOf({ sql }, 'priced')).toEqual(counted(800, oldPicos + newPicos));
  });
});
