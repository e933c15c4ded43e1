/** An admin pauses the usage queues, and resumes them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new TestClock(), environment: { QUEUE_SHARDS: '2' } });
});
afterAll(() => app.close());

const counted = async () => (await app.postgres.pool.query('select from usage_events')).rows.length;
const audited = async () =>
  (await app.call('GET /v1/admin/audit_log')).body.data.filter(({ action }: { action: string }) =>
    action.startsWith('queue.'),
  );

describe('pausing the queue', () => {
  it('leaves usage of every shard uncounted until it is resumed, and then counts all of it', async () => {
    const paused = await app.call('POST /v1/admin/queue/pause');
    expect([paused.status, paused.body]).toEqual([
      200,
      expect.objectContaining({ object: 'queue', paused: true }),
    ]);
    expect(paused.body.shards.every((shard: { paused: boolean }) => shard.paused)).toBe(true);
    const body = ['a', 'b', 'c', 'd'].map((entity) => anEventBody({ subject: `${entity}/p`, id: entity }));
    expect((await app.call('POST /v1/usage/events', { body })).status).toBe(202);
    expect((await app.call('GET /v1/admin/queue')).body.waiting).toBeGreaterThan(0);
    expect(await counted()).toBe(0);
    const resumed = await app.call('POST /v1/admin/queue/resume');
    expect([resumed.status, resumed.body.paused]).toEqual([200, false]);
    await until('all are counted', async () => (await counted()) === 4);
  });

  it('is in the audit log with what it was before', async () => {
    expect(await audited()).toMatchObject([
      { action: 'queue.resume', before: { paused: true }, after: { paused: false } },
      { action: 'queue.pause', before: { paused: false }, after: { paused: true } },
    ]);
  });

  it('is done once under an idempotency key: a repetition after a resume pauses nothing', async () => {
    const headers = { 'idempotency-key': 'pause-1' };
    const first = await app.call('POST /v1/admin/queue/pause', { headers });
    await app.call('POST /v1/admin/queue/resume');
    const entries = (await audited()).length;
    const again = await app.call('POST /v1/admin/queue/pause', { headers });
    expect([again.status, again.text]).toEqual([200, first.text]);
    expect((await app.call('GET /v1/admin/queue')).body.paused).toBe(false);
    expect(await audited()).toHaveLength(entries);
  });
});
