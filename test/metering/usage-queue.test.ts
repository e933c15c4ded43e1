import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

let app: TestApp;
let connection: Redis;
let queue: Queue;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
  connection = new Redis(app.redis.url, { maxRetriesPerRequest: null });
  queue = new Queue(USAGE_QUEUE, { connection });
});
afterAll(async () => {
  await queue.close();
  connection.disconnect();
  await app.close();
});
afterEach(async () => {
  const { body } = await app.call('GET /v1/admin/reconciliation');
  expect(body.checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
});

/** Adds a job and waits until the queue has nothing left. */
async function deliver(...jobs: unknown[]): Promise<void> {
  await queue.addBulk(jobs.map((data) => ({ name: USAGE_JOB, data, opts: { removeOnComplete: true } })));
  await drained();
}

const drained = () =>
  until(
    'the queue is empty',
    async () => (await queue.getJobCountByTypes('wait', 'active', 'delayed')) === 0,
  );

type Row = {
  project: string;
  model: string;
  requests: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  cost_usd: string;
};
async function usageOf(entity: string): Promise<Row[]> {
  return (await app.call(`GET /v1/entities/${entity}/usage`)).body.data ?? [];
}

const ONE_USD = '0.0001065';

describe('usage from the queue', () => {
  it('keeps an event that is nested too deep to be read, and counts those beside it', async () => {
    const subject = 'deep/p';
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const body = JSON.stringify([
      anEventBody({ subject }),
      anEventBody({ subject, id: 'deep-tags' }, { tags: { deep: 'DEEP' } }),
      anEventBody(
        { subject, id: 'deep-usage' },
        { usage: { prompt_tokens: 1, completion_tokens: 1, odd_tokens: 1, deep: 'DEEP' } },
      ),
    ]).replaceAll('"DEEP"', deep);
    const job = await queue.add(USAGE_JOB, [], { delay: 3_600_000, removeOnComplete: true });
    // A producer in another language: BullMQ for Node would not write it.
    await connection.hset(queue.toKey(job.id!), 'data', body);
    await job.promote();
    await drained();
    expect(await usageOf('deep')).toMatchObject([{ requests: 1, cost_usd: ONE_USD }]);
    const { body: list } = await app.call('GET /v1/admin/dead_letters?entity=deep');
    expect(list.data).toMatchObject([{ code: 'invalid_event' }, { code: 'invalid_event' }]);
  });

  it('counts once an event that arrives in two jobs, twice in a job, and over HTTP as well', async () => {
    const event = anEventBody({ subject: 'twice/p' });
    await deliver(event, event, [event, event], [event]);
    const { status, body } = await app.call('POST /v1/usage/events', { body: [event, event] });
    expect([status, body]).toEqual([202, { object: 'usage.receipt', accepted: 2, rejected: [] }]);
    await drained();
    expect(await usageOf('twice')).toMatchObject([{ requests: 1, cost_usd: ONE_USD }]);
  });

  it('that HTTP rejects is a dead letter as well, except what the key may not report', async () => {
    const key = await app.call('POST /v1/admin/keys', {
      body: { name: 'bound', role: 'gateway', entity: 'letters' },
    });
    const bad = (subject: string) =>
      anEventBody({ subject }, { usage: { prompt_tokens: -1, completion_tokens: 1 } });
    const [mine, foreign] = [bad('letters/p'), bad('other-letters/p')];
    const good = anEventBody({ subject: 'letters/p' });
    const report = { body: [mine, foreign, good], key: key.body.secret };
    const { status, body } = await app.call('POST /v1/usage/events', report);
    expect([status, body.accepted, body.rejected.map(({ code }: { code: string }) => code)]).toEqual([
      202,
      1,
      ['invalid_tokens', 'insufficient_permissions'],
    ]);
    await drained();
    const letters = async (entity: string) =>
      ((await app.call(`GET /v1/admin/dead_letters?entity=${entity}`)).body.data ?? []).length;
    expect([await letters('letters'), await letters('other-letters')]).toEqual([1, 0]);
    expect(await usageOf('letters')).toMatchObject([{ requests: 1 }]);
  });

  it.each([[{}], [{ removeOnComplete: false }], [{ removeOnComplete: { count: 1_000 } }]])(
    'leaves no counted job in Redis, whatever its producer says: %j',
    async (opts) => {
      await queue.add(USAGE_JOB, anEventBody({ subject: 'kept/p' }), opts);
      await drained();
      await until('the job is gone', async () => (await queue.getJobCountByTypes('completed')) === 0);
    },
  );

  it('counts the first of two contents with one identity, and shows both', async () => {
    const event = anEventBody({ subject: 'conflict/p' });
    const other = {
      ...event,
      data: { ...(event['data'] as object), usage: { prompt_tokens: 7, completion_tokens: 7 } },
    };
    await deliver(event);
    await deliver([other, other]);
    expect(await usageOf('conflict')).toMatchObject([{ requests: 1, cost_usd: ONE_USD }]);
    const { body } = await app.call('GET /v1/admin/usage_conflicts');
    const conflict = body.data.find((one: { event_id: string }) => one.event_id === event['id']);
    expect(JSON.stringify(conflict)).toMatch(/100.*7|7.*100/);
  });

  it('keeps a malformed event as a dead letter with its reason, and commits the rest of the job', async () => {
    const good = () => anEventBody({ subject: 'mixed/p' });
    const bad = anEventBody({ subject: 'mixed/p' }, { usage: { prompt_tokens: -3 } });
    await deliver([good(), bad, good(), 'not an event', null]);
    expect(await usageOf('mixed')).toMatchObject([{ requests: 2 }]);
    const { body } = await app.call('GET /v1/admin/dead_letters');
    const letter = body.data.find((one: { event_id: string }) => one.event_id === bad['id']);
    expect(letter).toMatchObject({
      code: 'invalid_tokens',
      message: expect.stringContaining('data.usage.prompt_tokens'),
    });
    expect(body.data.length).toBeGreaterThanOrEqual(3);
  });

  it('keeps a job of another name as a dead letter', async () => {
    await queue.add('other', anEventBody({ subject: 'named/p' }), { removeOnComplete: true });
    await drained();
    const { body } = await app.call('GET /v1/admin/dead_letters');
    expect(body.data.some((one: { code: string }) => one.code === 'unknown_job')).toBe(true);
    expect(await usageOf('named')).toEqual([]);
  });

  it('reads the chat shape, the Responses shape and the embeddings shape, with cached and reasoning tokens counted inside', async () => {
    const chat = {
      prompt_tokens: 812,
      completion_tokens: 204,
      prompt_tokens_details: { cached_tokens: 512 },
      completion_tokens_details: { reasoning_tokens: 64 },
    };
    const responses = {
      input_tokens: 812,
      output_tokens: 204,
      input_tokens_details: { cached_tokens: 512 },
      output_tokens_details: { reasoning_tokens: 64 },
    };
    await deliver(
      [
        anEventBody({ subject: 'shapes/p' }, { usage: chat }),
        anEventBody({ subject: 'shapes/p' }, { usage: responses }),
      ],
      anEventBody(
        { subject: 'shapes/p' },
        { usage: { prompt_tokens: 8, total_tokens: 8 }, model: 'cw_BAAI_bge-m3', operation: 'embeddings' },
      ),
    );
    expect((await usageOf('shapes')).toSorted((a, b) => a.input_tokens - b.input_tokens)).toMatchObject([
      { model: 'cw_BAAI_bge-m3', input_tokens: 8, cost_usd: '0.00000008' },
      {
        model: LLAMA,
        input_tokens: 600,
        cached_input_tokens: 1_024,
        output_tokens: 408,
        cost_usd: '0.00144272',
      },
    ]);
  });

  it('keeps usage of a model without a price and charges it when the price is published', async () => {
    await deliver(anEventBody({ subject: 'unpriced/p' }, { model: 'unheard-of' }));
    expect(await usageOf('unpriced')).toMatchObject([{ requests: 1, cost_usd: '0' }]);
    const price = {
      model: 'unheard-of',
      input_usd_per_million: '10',
      output_usd_per_million: '20',
      effective_from: '2026-11-01T00:00:00Z',
    };
    expect((await app.call('POST /v1/admin/prices', { body: price })).status).toBe(201);
    expect(await usageOf('unpriced')).toMatchObject([{ requests: 1, cost_usd: '0.002' }]);
  });

  it('gives an entity that nobody created the plan free', async () => {
    await deliver(anEventBody({ subject: 'newcomer/p' }));
    expect((await app.call('GET /v1/admin/entities/newcomer')).body).toMatchObject({ plan: 'free' });
  });

  it('ends the hold with the event that carries its reservation, and never before', async () => {
    await app.call('PUT /v1/admin/entities/holder', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/holder/credits', { body: { amount_usd: '1', category: 'paid' } });
    const body = { project: 'holder/p', model: LLAMA, input_tokens: 100, max_output_tokens: 500 };
    const { body: reservation } = await app.call('POST /v1/quota/reservations', { body });
    const held = async () => (await app.call('GET /v1/entities/holder/balance')).body.held_usd;
    expect(await held()).toBe(reservation.hold_usd);
    await deliver(anEventBody({ subject: 'holder/p' }, { reservation_id: reservation.id }));
    expect(await held()).toBe('0');
    await deliver(anEventBody({ subject: 'thief/p' }, { reservation_id: reservation.id }));
    expect(await usageOf('thief')).toMatchObject([{ requests: 1 }]);
  });

  it('counts a burst of single and batched jobs exactly', async () => {
    const events = Array.from({ length: 3_000 }, (_, index) =>
      anEventBody({ subject: `burst-${index % 7}/p${index % 3}` }),
    );
    const hundreds = Array.from({ length: 30 }, (_, index) => events.slice(index * 100, index * 100 + 100));
    await deliver(...events, ...hundreds);
    const rows = await Promise.all(Array.from({ length: 7 }, (_, index) => usageOf(`burst-${index}`)));
    expect(rows.flat().reduce((sum, row) => sum + row.requests, 0)).toBe(3_000);
  });
});
