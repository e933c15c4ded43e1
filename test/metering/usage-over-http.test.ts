/** The door for usage over HTTP: what it puts on the queue, what it tells whom, and what it refuses. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { usageQueueOf } from '@tally/client/protocol';
import { Queue } from 'bullmq';
import { BACKLOG_MAX } from '../../src/metering/key-backlog.js';
import { connectRedis } from '../support/redis-connection.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const EVENTS_MAX = 1_000;
const batch = (count: number) => Array.from({ length: count }, () => anEventBody());
const report = (body: unknown, key: string) => app.call('POST /v1/usage/events', { body, key });

async function withQueue<T>(name: string, work: (queue: Queue) => Promise<T>): Promise<T> {
  const connection = connectRedis(app.redis.url, 'patient');
  const queue = new Queue(name, { connection });
  try {
    return await work(queue);
  } finally {
    await queue.close();
    connection.disconnect();
  }
}

/** The ids of the events of each job that waits. */
const jobsOf = (name = 'usage-events'): Promise<(string | undefined)[][]> =>
  withQueue(name, async (queue) =>
    (await queue.getWaiting()).map(({ data }) => (data as { id?: string }[]).map(({ id }) => id)),
  );

describe('usage over HTTP', () => {
  it('is on the queue when it is answered, and each caller gets a receipt of its own, however many report at once', async () => {
    app = await anApp();
    const key = await app.key('gateway');
    const ids = Array.from({ length: 40 }, (_, index) => `e${index}`);
    const answers = await Promise.all(
      ids.map((id, index) => report(anEventBody({ id, ...(index % 2 === 1 && { subject: 'none' }) }), key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(ids.map((_, index) => (index % 2 === 1 ? 422 : 202)));
    const rejected = { accepted: 0, rejected: [{ index: 0, id: 'e1', code: 'invalid_subject' }] };
    expect(answers[1]?.body).toMatchObject(rejected);
    expect(new Set((await jobsOf()).flat())).toEqual(new Set(ids));
  });

  it('goes to the queue of its entity where usage is spread, and to usage-events where nobody can tell whose it is', async () => {
    app = await anApp({ environment: { QUEUE_SHARDS: '4' } });
    const key = await app.key('gateway');
    const events = [
      anEventBody({ id: 'a', subject: 'entity1/p' }),
      anEventBody({ id: 'b', subject: 'entity3/p' }),
      anEventBody({ id: 'c', subject: 'entity1/q' }),
      { id: 'd' },
    ];
    expect(await report(events, key)).toMatchObject({ status: 202, body: { accepted: 3 } });
    expect(await jobsOf(usageQueueOf('entity1', 4))).toEqual([['a', 'c']]);
    expect(await jobsOf(usageQueueOf('entity3', 4))).toEqual([['b']]);
    expect(await jobsOf('usage-events')).toEqual([['d']]);
  });

  it('of one key is refused while too much of it waits, and no other key is', async () => {
    app = await anApp();
    const [flood, other] = [await app.key('gateway'), await app.key('gateway')];
    for (let sent = 0; sent < BACKLOG_MAX; sent += EVENTS_MAX) {
      expect((await report(batch(EVENTS_MAX), flood)).status).toBe(202);
    }
    const refused = await report(anEventBody(), flood);
    expect(refused).toMatchObject({
      status: 429,
      body: {
        error: {
          message: 'Rate limit reached for requests',
          type: 'requests',
          param: null,
          code: 'rate_limit_exceeded',
        },
      },
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await report(anEventBody(), other)).status).toBe(202);
    await withQueue('usage-events', (queue) => queue.drain());
    await until('the key may report again', async () => (await report(anEventBody(), flood)).status === 202);
  });

  it('is refused above 1,000 events and above 4 MiB', async () => {
    app = await anApp();
    const key = await app.key('gateway');
    expect(await report(batch(EVENTS_MAX + 1), key)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('1 to 1000') } },
    });
    const large = anEventBody({}, { note: 'x'.repeat(4 * 1024 * 1024) });
    expect((await report(large, key)).status).toBe(413);
    expect(await jobsOf()).toEqual([]);
  });

  it('that Redis does not take is answered 503, to be sent again', async () => {
    app = await anApp();
    const key = await app.key('gateway');
    await report(anEventBody({ id: 'before' }), key);
    await app.redis.kill();
    const answers = await Promise.all([report(anEventBody(), key), report(batch(2), key)]);
    for (const { status, headers } of answers) {
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    }
    await app.redis.restart();
    await until('it is taken', async () => (await report(anEventBody({ id: 'again' }), key)).status === 202);
    expect((await jobsOf()).flat()).toEqual(expect.arrayContaining(['again']));
  });
});
