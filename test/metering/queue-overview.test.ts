/** What waits on the usage queues, and what other versions of BullMQ leave there. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { USAGE_JOB } from '@tally/client/protocol';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

let app: TestApp;
let queue: TestQueue;
const open = async (role: 'api' | 'all', environment: Record<string, string> = {}) => {
  app = await anApp({ role, environment });
  queue = await aTestQueue(app.redis.url, { mayDie: false, nowMs: () => app.clock.now().getTime() - 90_000 });
};
afterEach(async () => {
  await queue.close();
  await app.close();
});
const look = async () => (await app.call('GET /v1/admin/queue')).body;
const secondsIn = ([, text]: RegExpMatchArray): number => Number(text);
const eventsOf = (entity: string, count: number) =>
  Array.from({ length: count }, (_, index) =>
    anEventBody({ subject: `${entity}/p`, id: `${entity}${index}` }),
  );

describe('the overview of the queue', () => {
  it('says how much waits, since when and of whom, by shard', async () => {
    await open('api', { QUEUE_SHARDS: '2' });
    expect(await look()).toMatchObject({
      object: 'queue',
      waiting: 0,
      oldest_seconds: null,
      paused: false,
      entities: [],
    });
    await queue.add([eventsOf('few', 3), eventsOf('many', 50), anEventBody({ subject: 'none' }), 'x']);
    expect((await app.call('POST /v1/usage/events', { body: eventsOf('many', 2) })).status).toBe(202);
    const state = await look();
    expect(state).toMatchObject({
      waiting: 5,
      delayed: 0,
      active: 0,
      failed: 0,
      oldest_seconds: 90,
      entities_sampled: false,
    });
    expect(
      state.shards.map(({ name, waiting }: { name: string; waiting: number }) => [name, waiting]),
    ).toEqual([
      ['usage-events', 4],
      ['usage-events-0', expect.any(Number)],
      ['usage-events-1', expect.any(Number)],
    ]);
    expect(state.entities).toEqual([
      { entity: 'many', waiting_events: 52 },
      { entity: 'few', waiting_events: 3 },
      { entity: null, waiting_events: 2 },
    ]);
    await queue.queue.pause();
    expect(await look()).toMatchObject({ paused: true, paused_jobs: 0, waiting: 5 });
  });

  it('is as old as the inbox and the metrics say, by the clock that counts events, whichever state the oldest job is in', async () => {
    await open('api', { QUEUE_SHARDS: '2' });
    const ages = async () => {
      const [overview, inbox, metrics] = await Promise.all(
        ['/v1/admin/queue', '/v1/admin/inbox', '/metrics'].map((path) => app.call(`GET ${path}`)),
      );
      const oldest = [...metrics!.text.matchAll(/^tally_queue_oldest_seconds\{.*\} (\d+)$/gm)].map(secondsIn);
      return [overview!.body.oldest_seconds, inbox!.body.queue.oldest_seconds, Math.max(...oldest)];
    };
    expect(await ages()).toEqual([null, null, 0]);
    await queue.add([eventsOf('waits', 1)]);
    expect(await ages()).toEqual([90, 90, 90]);
    const at = (seconds: number) => app.clock.now().getTime() - seconds * 1_000;
    await queue.queue.add(USAGE_JOB, {}, { timestamp: at(200), delay: 3_600_000 });
    expect(await ages()).toEqual([200, 200, 200]);
    await queue.queue.add(USAGE_JOB, {}, { timestamp: at(300), priority: 5 });
    expect(await ages()).toEqual([300, 300, 300]);
    expect((await app.call('GET /metrics')).text).toContain(
      'tally_queue_waiting_jobs{queue="usage-events"} 3',
    );
    expect((await app.call('GET /v1/admin/inbox')).body.queue).toMatchObject({ waiting: 3, late: true });
  });

  it('looks at the ends of a long queue, and says so', async () => {
    await open('api');
    await queue.add(Array.from({ length: 500 }, (_, index) => eventsOf(`e${index % 30}`, 1)));
    const state = await look();
    expect(state).toMatchObject({ waiting: 500, entities_sampled: true });
    expect(state.entities).toHaveLength(20);
  });
});

describe('jobs that BullMQ 5 has paused', () => {
  beforeEach(() => open('all'));
  const counted = async () => (await app.postgres.pool.query('select from usage_events')).rows.length;
  /** As version 5 pauses: the jobs that wait become a list of another name, and what comes goes there. */
  const pauseAsVersion5 = async () => {
    const [wait, paused, meta] = ['wait', 'paused', 'meta'].map((name) => queue.queue.toKey(name)) as [
      string,
      string,
      string,
    ];
    await queue.redis.hset(meta, 'paused', 1);
    if ((await queue.redis.exists(wait)) === 1) await queue.redis.rename(wait, paused);
    return { wait, paused, meta };
  };

  it.each([
    ['the flag is taken away alone', 'flag'],
    ['version 6 resumes', 'resume'],
  ])('are found and counted when %s, however many there are', async (_, how) => {
    await queue.queue.pause();
    await queue.add(Array.from({ length: 2_500 }, (_each, index) => eventsOf(`e${index}`, 1)));
    const { paused, meta } = await pauseAsVersion5();
    expect(await look()).toMatchObject({ paused: true, paused_jobs: 2_500 });
    if (how === 'resume') await queue.queue.resume();
    else await queue.redis.hdel(meta, 'paused');
    await until('all are counted', async () => (await counted()) === 2_500, 60);
    expect(await queue.redis.exists(paused)).toBe(0);
    expect(await look()).toMatchObject({ paused: false, paused_jobs: 0, waiting: 0 });
  });

  it('stay where they are while the queue is paused', async () => {
    await queue.queue.pause();
    await queue.add([eventsOf('paused', 1)]);
    const { paused } = await pauseAsVersion5();
    await until('the worker has looked more than once', async () => {
      await queue.redis.config('RESETSTAT');
      await until('it looks', async () => (await queue.redis.info('commandstats')).includes('cmdstat_eval:'));
      return true;
    });
    expect([await queue.redis.llen(paused), await counted()]).toEqual([1, 0]);
  });
});

describe('what is kept of a job, whatever its producer says', () => {
  beforeEach(() => open('all'));
  const against = { removeOnComplete: false, removeOnFail: true };

  it('is nothing once it is counted', async () => {
    await queue.queue.add(USAGE_JOB, eventsOf('counted', 1), against);
    await until('it is counted', async () => {
      return (await app.postgres.pool.query('select from usage_events')).rows.length === 1;
    });
    await until(
      'it is gone',
      async () => (await queue.queue.getJobCountByTypes('completed', 'active')) === 0,
    );
  });

  it('is the job itself where it failed, which the overview and the inbox count', async () => {
    await queue.queue.pause();
    const { id } = await queue.queue.add(USAGE_JOB, eventsOf('failed', 1), against);
    // As BullMQ marks one that it lost too often: the next worker that takes it fails it without starting it.
    await queue.redis.hset(queue.queue.toKey(id!), 'defa', 'job stalled more than allowable limit');
    await queue.queue.resume();
    await until('it has failed', async () => (await look()).failed === 1);
    expect(await queue.queue.getJobState(id!)).toBe('failed');
    expect((await look()).shards).toMatchObject([{ name: 'usage-events', failed: 1, waiting: 0, active: 0 }]);
    const { body: inbox } = await app.call('GET /v1/admin/inbox');
    expect(inbox).toMatchObject({ count: 1, queue: { failed: 1 } });
  });
});
