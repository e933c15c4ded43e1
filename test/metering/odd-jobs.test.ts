/** What a producer may say of a job beside its events. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { parseEvent } from '../../src/metering/event-validation.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
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

it.each([Number.NaN, Infinity, -Infinity])(
  'a job that was added at %d brings no event that is older than identities are kept',
  (addedAtMs) => {
    const at = new Date('2026-11-22T12:00:00Z');
    expect(parseEvent(anEventBody({ time: '2026-10-01T00:00:00Z' }), at, addedAtMs)).toMatchObject({
      ok: false,
      code: 'time_out_of_range',
    });
  },
);

it('a dead letter is kept, whatever the id of its job', async () => {
  const bodies = [anEventBody({ subject: 'nul/p' }), anEventBody({ subject: 'nul/p', specversion: '2' })];
  await queue.add(USAGE_JOB, bodies, { jobId: 'a\u0000b' });
  await until('the dead letter is kept', async () => {
    const { rows } = await app.postgres.pool.query(
      `select code, job_id from dead_letters where entity = 'nul'`,
    );
    return rows.length === 1 && rows[0].code === 'invalid_event' && rows[0].job_id === null;
  });
});
