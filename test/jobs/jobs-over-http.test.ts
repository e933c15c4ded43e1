import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { aSlowBatch } from '../support/price-book-lock.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

const ENTRY = { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
const ORDER = { model: LLAMA, from: '2026-11-01', to: '2026-12-01', entity: null, reason: 'agreed' };

const clock = new TestClock();
let app: TestApp;
beforeAll(async () => (app = await anApp({ clock })));
afterAll(() => app.close());

const jobOf = async (id: string) => (await app.call(`GET /v1/admin/jobs/${id}`)).body;
const jobsOf = async (kind: string) =>
  (await app.call(`GET /v1/admin/jobs?kind=${kind}&limit=100`)).body.data;
const importMap = (model: string, headers: Record<string, string> = {}): Promise<Answer> => {
  clock.advance(1_000);
  return app.call('POST /v1/admin/prices/import', { body: { [model]: ENTRY }, headers, waits: false });
};
/** Holds the lock of an entity, so that what changes it waits. */
const hold = async (entity: string): Promise<() => Promise<void>> => {
  const client = await app.postgres.pool.connect();
  await client.query('begin');
  await client.query(`select from entities where name = $1 for update`, [entity]);
  return async () => {
    await client.query('rollback');
    client.release();
  };
};

describe('a request for long work', () => {
  it('that is done within two seconds answers as if there were no jobs, and its job has the same result', async () => {
    const { status, body } = await importMap('job/quick');
    expect([status, body.object, body.changes.length]).toEqual([200, 'price_import', 1]);
    const [job] = await jobsOf('price_import');
    expect(job).toMatchObject({
      object: 'job',
      kind: 'price_import',
      status: 'done',
      progress: 1,
      error: null,
      entity: null,
    });
    expect(await jobOf(job.id)).toEqual({ ...job, result: body });
  });

  it('that takes longer answers 202 with the job, which goes on, and ends with what would have been answered', async () => {
    const release = await aSlowBatch(app);
    const { status, body, headers } = await importMap('job/slow');
    expect([headers.get('location'), status, body]).toMatchObject([
      `/v1/admin/jobs/${body.id}`,
      202,
      { object: 'job', status: 'running', result: null, finished_at: null },
    ]);
    await release();
    await until('the job is done', async () => (await jobOf(body.id)).status === 'done');
    expect((await app.call(`GET ${headers.get('location')}`)).body.id).toBe(body.id);
    expect(await jobOf(body.id)).toMatchObject({
      result: { object: 'price_import', changes: [{ model: 'job/slow' }] },
    });
  });

  it('leaves counting and other requests alone while its job waits', async () => {
    await app.call('PUT /v1/admin/entities/beside', { body: { plan: 'pro' } });
    const letGo = await hold('beside');
    const repairing = app.call('POST /v1/admin/reconciliation/repair', {
      body: { entity: 'beside' },
      waits: false,
    });
    await until('it runs', async () => (await jobsOf('repair'))[0]?.status === 'running');
    await app.call('PUT /v1/admin/entities/others', { body: { plan: 'free' } });
    const others = await Promise.all([
      app.call('POST /v1/admin/entities/others/credits', {
        body: { amount_usd: '1' },
        headers: { 'idempotency-key': 'o' },
      }),
      app.call('GET /v1/entities/others/balance'),
      importMap('job/beside'),
    ]);
    expect(others.map(({ status }) => status < 300)).toEqual([true, true, true]);
    const { status, body } = await repairing;
    await letGo();
    expect(status).toBe(202);
    await until('it is done', async () => (await jobOf(body.id)).status === 'done');
  });

  it('under an idempotency key starts one job, whose end is the answer of every repetition', async () => {
    const headers = { 'idempotency-key': 'once' };
    const release = await aSlowBatch(app);
    const first = await importMap('job/once', headers);
    const again = await importMap('job/once', headers);
    expect([first.status, again.status, again.body.id]).toEqual([202, 202, first.body.id]);
    expect((await importMap('job/another', headers)).body.error.code).toBe('idempotency_key_reused');
    await release();
    await until('it is done', async () => (await jobOf(first.body.id)).status === 'done');
    const late = await importMap('job/once', headers);
    expect([late.status, late.body.changes.length, late.headers.get('idempotent-replayed')]).toEqual([
      200,
      1,
      'true',
    ]);
  });

  it('without a key is the same job while that has not ended, and another request waits behind it', async () => {
    const release = await aSlowBatch(app);
    const [one, other] = await Promise.all([importMap('job/same'), importMap('job/same')]);
    expect(other.body.id).toBe(one.body.id);
    const behind = await importMap('job/behind');
    expect(behind.body).toMatchObject({ status: 'queued', started_at: null, attempts: 0 });
    await release();
    await until('both are done', async () => (await jobOf(behind.body.id)).status === 'done');
    expect((await jobOf(one.body.id)).status).toBe('done');
  });

  it('that is refused within two seconds answers the refusal, which the job keeps', async () => {
    const answer = await app.call('POST /v1/admin/reconciliation/repair', { body: { entity: 'nobody' } });
    expect([answer.status, answer.body.error.code]).toEqual([404, 'not_found']);
    const [job] = await jobsOf('repair');
    expect(job).toMatchObject({ status: 'failed', error: { code: 'not_found', param: 'entity' } });
  });

  it('is in the audit log when it changes something: who asked for what', async () => {
    await importMap('job/audited');
    await app.call('GET /v1/admin/reconciliation');
    const { data } = (await app.call('GET /v1/admin/audit_log?limit=100')).body;
    const starts = data.filter(({ action }: { action: string }) => action === 'jobs.start');
    const [job] = await jobsOf('price_import');
    expect(starts[0]).toMatchObject({
      target: job.id,
      actor: job.actor,
      after: { kind: 'price_import', models: 1 },
    });
    expect(starts.map(({ after }: { after: { kind: string } }) => after.kind)).not.toContain(
      'reconciliation',
    );
  });
});

describe('the kinds of long work', () => {
  it('include a reconciliation, which many who ask at once share', async () => {
    const before = (await jobsOf('reconciliation')).length;
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => app.call('GET /v1/admin/reconciliation')),
    );
    expect(answers.map(({ body }) => body.ok)).toEqual(Array.from({ length: 12 }, () => true));
    expect((await jobsOf('reconciliation')).length - before).toBeLessThan(6);
  });

  it('include a re-rating of all events in one call, however many there are', async () => {
    const events = Array.from({ length: 60 }, () =>
      anEvent({ subject: 'rerated/p', quantities: { input: 1_000 } }),
    );
    await recordUsage(app, events);
    const price = {
      model: LLAMA,
      entity: 'rerated',
      effective_from: '2026-11-01',
      input_usd_per_million: '0.5',
      output_usd_per_million: '0.5',
    };
    await app.call('POST /v1/admin/prices', { body: price });
    const { status, body } = await app.call('POST /v1/admin/prices/rerate', { body: ORDER });
    expect([status, body.changed, body.complete]).toEqual([200, 60, true]);
  });

  it('include charging what waited for a first price; who publishes it waits two seconds at most', async () => {
    await recordUsage(app, [
      anEvent({ model: 'job/first', subject: 'first/p', quantities: { input: 1_000_000 } }),
    ]);
    const letGo = await hold('first');
    const price = { model: 'job/first', input_usd_per_million: '1', output_usd_per_million: '1' };
    const published = await app.call('POST /v1/admin/prices', { body: price });
    expect([published.status, published.body.charged_events]).toEqual([201, 1]);
    await letGo();
    await app.call('POST /v1/admin/prices', { body: { ...price, model: 'job/next' } });
    const balance = await app.call('GET /v1/entities/first/balance');
    expect(balance.body.month_to_date_usd).toBe('1');
  });

  it('include a repair of all entities, previewed first', async () => {
    const subjects = ['all-1/p', 'all-2/p', 'all-3/p'];
    await recordUsage(
      app,
      subjects.map((subject) => anEvent({ subject, quantities: { input: 1_000 } })),
    );
    await app.postgres.pool.query(
      `update project_spend set cost_picos = 0 where entity in ('all-1', 'all-3')`,
    );
    const body = { entity: null };
    const preview = await app.call('POST /v1/admin/reconciliation/repair?dry_run=true', { body });
    expect(preview.body).toMatchObject({ object: 'repair', entity: null, dry_run: true, changed: 2 });
    const repaired = await app.call('POST /v1/admin/reconciliation/repair', { body });
    expect(repaired.body).toEqual({ ...preview.body, dry_run: false });
    expect((await app.call('POST /v1/admin/reconciliation/repair', { body })).body.changed).toBe(0);
    expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
  });
});

describe('the list of jobs', () => {
  it('is paged, newest first, and filtered by kind and status', async () => {
    const all = await jobsOf('price_import');
    expect(all.length).toBeGreaterThan(3);
    const first = (await app.call('GET /v1/admin/jobs?kind=price_import&limit=2')).body;
    expect([first.data, first.has_more]).toEqual([all.slice(0, 2), true]);
    const next = (await app.call(`GET /v1/admin/jobs?kind=price_import&limit=2&after=${first.last_id}`)).body;
    expect(next.data).toEqual(all.slice(2, 4));
    const failed = (await app.call('GET /v1/admin/jobs?status=failed')).body.data;
    expect(failed.every(({ status }: { status: string }) => status === 'failed')).toBe(true);
  });

  it.each([
    ['an unknown status', 'GET /v1/admin/jobs?status=lost', 400, 'status'],
    ['a cursor that is none', 'GET /v1/admin/jobs?after=job_none', 400, 'after'],
    ['a parameter that is none', 'GET /v1/admin/jobs?state=done', 400, 'state'],
    ['an id that is none', 'GET /v1/admin/jobs/job_none', 404, null],
    ['an id that is not even one', 'GET /v1/admin/jobs/%00', 400, 'id'],
  ])('answers %s with its place', async (_, request, status, param) => {
    const answer = await app.call(request);
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
  });

  it('is for admins of all entities alone', async () => {
    for (const key of [
      await app.key('finance'),
      await app.key('gateway'),
      await app.key('finance', 'entity1'),
    ]) {
      expect((await app.call('GET /v1/admin/jobs', { key })).status).toBe(403);
    }
  });
});
