/** All conflicts of a filter, counted or reviewed as one job. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { insertConflicts } from '../../src/metering/usage-conflicts.sql.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

let app: TestApp;
beforeAll(async () => {
  app = await anApp();
  // The month of the usage is there.
  await recordUsage(app, [anEvent({ subject: 'first/p' })]);
});
afterAll(() => app.close());
beforeEach(async () => {
  await app.postgres.pool.query('delete from usage_conflicts; delete from jobs');
});

const uuidOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** So many conflicts of an entity that exists, the last one seen last. Each would cost $0.00071. */
async function keep(
  subject: string,
  count: number,
  { from = 1, occurredAt = app.clock.now() } = {},
): Promise<void> {
  const [entity = ''] = subject.split('/');
  await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } });
  for (let n = from; n < from + count; n += 1) {
    const event = anEvent({ id: `${subject}-${n}`, subject, occurredAt, quantities: { input: 1_000 } });
    const conflict = { identity: uuidOf(n), fingerprint: uuidOf(n), event, originalOccurredAt: occurredAt };
    await insertConflicts(app.database.reader, [conflict], new Date(Date.parse('2026-11-20T00:00:00Z') + n));
  }
}
const statuses = async (entity: string): Promise<Record<string, number>> => {
  const { body } = await app.call(`GET /v1/admin/usage_conflicts?entity=${entity}&limit=100`);
  const found: Record<string, number> = {};
  for (const { status } of body.data) found[status] = (found[status] ?? 0) + 1;
  return found;
};
const spent = async (entity: string) =>
  (await app.call(`GET /v1/entities/${entity}/balance`)).body.month_to_date_usd;
const audited = async (entity: string) =>
  (await app.call(`GET /v1/admin/audit_log?entity=${entity}&action=usage_conflicts&limit=100`)).body.data;
const jobs = async () => (await app.call('GET /v1/admin/jobs?kind=conflict_resolution')).body.data;
const change = (what: string, body: object, options: { dry?: boolean; waits?: boolean } = {}) =>
  app.call(`POST /v1/admin/usage_conflicts/${what}${options.dry ? '?dry_run=true' : ''}`, {
    body,
    waits: options.waits ?? true,
  });

/** Holds an entity, so that nothing of it can be counted. */
async function hold(entity: string): Promise<() => Promise<void>> {
  const client = await app.postgres.pool.connect();
  await client.query('begin');
  await client.query('select from entities where name = $1 for update', [entity]);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

describe('all conflicts of a filter', () => {
  it('are counted as one job, each charged once and audited, and no others', async () => {
    await keep('all/p', 3);
    await keep('all/q', 1, { from: 4 });
    await keep('others/p', 1);
    const { status, body } = await change('count', { subject: 'all/p', note: 'they were right' });
    expect([status, body]).toEqual([
      200,
      {
        object: 'usage_conflict_batch',
        status: 'counted',
        answered: 3,
        skipped: 0,
        remaining: 0,
        end_time: expect.any(Number),
        dry_run: false,
      },
    ]);
    const [job, ...more] = await jobs();
    expect([job.status, job.progress, job.entity, more]).toEqual(['done', 1, 'all', []]);
    expect([await statuses('all'), await statuses('others')]).toEqual([{ open: 1, counted: 3 }, { open: 1 }]);
    expect([await spent('all'), await spent('others')]).toEqual(['0.00213', '0']);
    const entries = await audited('all');
    expect(entries).toHaveLength(3);
    expect(entries[0]).toMatchObject({
      action: 'usage_conflicts.counted',
      role: 'admin',
      request_id: expect.any(String),
      after: { status: 'counted', note: 'they were right', job: job.id },
    });
    expect((await change('count', { subject: 'all/p' })).body).toMatchObject({ answered: 0, remaining: 0 });
    const books = (await app.call('GET /v1/admin/reconciliation')).body;
    expect(books.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
  });

  it('are reviewed as one job, last seen first, as many as are asked for, and counted afterwards', async () => {
    await keep('some/p', 5);
    const reviewed = await change('review', { entity: 'some', limit: 2, note: 'retries' });
    expect(reviewed.body).toMatchObject({ status: 'reviewed', answered: 2, remaining: 3 });
    const { body } = await app.call('GET /v1/admin/usage_conflicts?entity=some&status=reviewed');
    expect(body.data.map(({ event_id }: { event_id: string }) => event_id)).toEqual(['some/p-5', 'some/p-4']);
    expect(body.data[0].review_note).toBe('retries');
    const before = { end_time: '2026-11-20T00:00:01Z' };
    expect((await change('count', { entity: 'some', status: 'reviewed', ...before })).body.answered).toBe(2);
    expect([await statuses('some'), await spent('some')]).toEqual([{ open: 3, counted: 2 }, '0.00142']);
  });

  it.each(['count', 'review'])('are shown by a dry run of %s, which changes nothing', async (what) => {
    await keep('dry/p', 3);
    const { status, body } = await change(what, { entity: 'dry', limit: 2 }, { dry: true });
    expect([status, body]).toMatchObject([200, { answered: 2, remaining: 1, skipped: 0, dry_run: true }]);
    expect([await statuses('dry'), await audited('dry'), await jobs()]).toEqual([{ open: 3 }, [], []]);
  });

  it('of a month that is no longer kept are left, and the job goes on behind them', async () => {
    await keep('gone/p', 1);
    await keep('gone/p', 1, { from: 2, occurredAt: new Date('2020-01-15T00:00:00Z') });
    await keep('gone/p', 1, { from: 3 });
    expect((await change('count', { entity: 'gone' })).body).toMatchObject({
      answered: 2,
      skipped: 1,
      remaining: 0,
    });
    expect([await statuses('gone'), await spent('gone')]).toEqual([{ open: 1, counted: 2 }, '0.00142']);
  });

  it('whose id another event has are left, say so on their own, and the job goes on behind them', async () => {
    await keep('taken/p', 3);
    // The id under which the second is counted: its own, and the first digits of its fingerprint.
    await recordUsage(app, [anEvent({ id: 'taken/p-2~000000000000', subject: 'taken/p', quantities: {} })]);
    const { body } = await change('count', { entity: 'taken' });
    expect(body).toMatchObject({ answered: 2, skipped: 1, remaining: 0 });
    expect([await statuses('taken'), await spent('taken')]).toEqual([{ open: 1, counted: 2 }, '0.00142']);
    const left = (await app.call('GET /v1/admin/usage_conflicts?entity=taken&status=open')).body.data;
    const alone = await app.call(`POST /v1/admin/usage_conflicts/${left[0].id}/count`);
    expect([alone.status, alone.body.error.code]).toEqual([409, 'conflict']);
  });

  it('that somebody else deals with meanwhile are left as they are then', async () => {
    await keep('meanwhile/p', 2);
    const letGo = await hold('meanwhile');
    const started: Answer = await change('count', { entity: 'meanwhile' }, { waits: false });
    expect([started.status, started.body.object]).toEqual([202, 'job']);
    const { body } = await app.call('GET /v1/admin/usage_conflicts?entity=meanwhile&order=asc');
    const note = { note: 'by hand' };
    await app.call(`POST /v1/admin/usage_conflicts/${body.data[0].id}/review`, { body: note });
    await letGo();
    const job = async () => (await app.call(`GET /v1/admin/jobs/${started.body.id}`)).body;
    await until('it is done', async () => (await job()).status === 'done');
    expect((await job()).result).toMatchObject({ answered: 1, skipped: 1 });
    expect(await statuses('meanwhile')).toEqual({ reviewed: 1, counted: 1 });
  });

  it('are each counted once by a job that another process takes over', async () => {
    await keep('killed/p', 4);
    const letGo = await hold('killed');
    const started: Answer = await change('count', { entity: 'killed' }, { waits: false });
    expect(started.body.status).toBe('running');
    // As if the process had been gone for a minute: another runner takes it from here.
    await app.postgres.pool.query(
      `update jobs set seen_at = now() - interval '1 minute', runner = gen_random_uuid() where id = $1`,
      [started.body.id],
    );
    await letGo();
    const job = async () => (await app.call(`GET /v1/admin/jobs/${started.body.id}`)).body;
    await until('another has ended it', async () => (await job()).status === 'done');
    expect(await job()).toMatchObject({ attempts: 2, result: { answered: 4, skipped: 0, remaining: 0 } });
    expect([await statuses('killed'), await spent('killed')]).toEqual([{ counted: 4 }, '0.00284']);
    expect(await audited('killed')).toHaveLength(4);
  });

  it.each([
    ['count', { entity: 'nobody' }, 404, 'entity'],
    ['review', { entity: 'nobody' }, 404, 'entity'],
    ['count', { status: 'counted' }, 400, 'status'],
    ['review', { status: 'open' }, 400, 'status'],
    ['count', { limit: 0 }, 400, 'limit'],
    ['review', { start_time: '2026-11-02T00:00:00Z', end_time: '2026-11-01T00:00:00Z' }, 400, 'end_time'],
  ])('%s of %j is refused with %s, param %j', async (what, body, status, param) => {
    const answer = await change(what, body);
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
  });
});
