/** An admin pauses the usage queues, and resumes them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

const clock = new TestClock();
let app: TestApp;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock, environment: { QUEUE_SHARDS: '2' } });
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

  it('counts nothing that its reporter was told is refused, though its time comes into range meanwhile', async () => {
    const before = await counted();
    await app.call('POST /v1/admin/queue/pause');
    const time = new Date(clock.now().getTime() + 301_000).toISOString();
    const event = anEventBody({ subject: 'early/p', id: 'early', time });
    const { status, body } = await app.call('POST /v1/usage/events', { body: event });
    expect([status, body.rejected[0].code]).toEqual([422, 'time_out_of_range']);
    clock.advance(60_000);
    await app.call('POST /v1/admin/queue/resume');
    const letters = async () => (await app.call('GET /v1/admin/dead_letters?entity=early')).body.data;
    await until('it is a dead letter', async () => (await letters()).length === 1);
    const [letter] = await letters();
    expect([letter.code, letter.payload]).toEqual(['time_out_of_range', event]);
    expect(await counted()).toBe(before);
    // A person has read it, and its time is in range by now.
    await app.call(`POST /v1/admin/dead_letters/${letter.id}/replay`);
    await until('it is counted', async () => (await counted()) === before + 1);
  });

  it('is in the audit log with what it was before', async () => {
    expect((await audited()).slice(0, 2)).toMatchObject([
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
