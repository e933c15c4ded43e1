/** What a producer may say of a job beside its events. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { USAGE_JOB } from '@tally/client/protocol';
import { parseEvent } from '../../src/metering/event-validation.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { until } from '../support/until.js';
import { aTestQueue, type TestQueue } from '../support/usage-queue.js';

let app: TestApp;
let usage: TestQueue;
beforeAll(async () => {
  app = await anApp({ role: 'all' });
  usage = await aTestQueue(app.redis.url);
});
afterAll(async () => {
  await usage.close();
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
  await usage.queue.add(USAGE_JOB, bodies, { jobId: 'a\u0000b' });
  await until('the dead letter is kept', async () => {
    const { rows } = await app.postgres.pool.query(
      `select code, job_id from dead_letters where entity = 'nul'`,
    );
    return rows.length === 1 && rows[0].code === 'invalid_event' && rows[0].job_id === null;
  });
});

it('what was not put on the queue by BullMQ is counted or a dead letter, and holds up nobody', async () => {
  const body = JSON.stringify(anEventBody({ subject: 'raw/p' }));
  const jobs: Record<string, Record<string, string>> = {
    nameless: { data: body, opts: '{}', timestamp: '1' },
    dataless: { name: USAGE_JOB, opts: '{}', timestamp: '1' },
    bare: { name: USAGE_JOB, data: body },
    odd: { name: USAGE_JOB, data: body, opts: '[1]', timestamp: 'soon' },
  };
  for (const [id, fields] of Object.entries(jobs)) {
    await usage.redis.hset(usage.queue.toKey(id), fields);
    await usage.redis.lpush(usage.queue.toKey('wait'), id);
  }
  await usage.add([anEventBody({ subject: 'behind/p' })]);
  await usage.drained();
  const { rows } = await app.postgres.pool.query(`
    select 'letter' as what, job_id as name from dead_letters where job_id = any('{nameless,dataless,bare,odd}')
    union all select 'counted', entity from usage_events where entity in ('raw', 'behind') order by 1, 2`);
  expect(rows.map(({ what, name }) => `${what} ${name}`)).toEqual([
    'counted behind',
    'counted raw',
    'letter dataless',
    'letter nameless',
  ]);
});
