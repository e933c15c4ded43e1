import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody, LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

type Conflict = { id: string; status: string; other: { quantities: { input: number } } };

describe('conflicts', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ role: 'all' });
  });
  afterAll(() => app.close());

  const conflicts = async (query: string, key = app.adminKey): Promise<Conflict[]> =>
    (await app.call(`GET /v1/admin/usage_conflicts${query}`, { key })).body.data;
  const report = async (
    subject: string,
    promptTokens: number,
    id = subject,
    model = LLAMA,
  ): Promise<void> => {
    const usage = { prompt_tokens: promptTokens, completion_tokens: 0 };
    const body = anEventBody({ subject, id }, { model, usage });
    expect((await app.call('POST /v1/usage/events', { body })).body.accepted).toBe(1);
  };
  const rows = async (sql: string, entity: string) => (await app.postgres.pool.query(sql, [entity])).rows;
  const counted = (entity: string) =>
    until('the event is counted', async () => {
      return (await rows('select from rated_events where entity = $1', entity)).length === 1;
    });
  /** So many other contents under one identity, each seen at a time of its own, the last one last. */
  const contradict = async (subject: string, count: number, model = LLAMA): Promise<void> => {
    const entity = subject.split('/')[0]!;
    await report(subject, 100, subject, model);
    await counted(entity);
    for (let n = 1; n <= count; n += 1) {
      await report(subject, n, subject, model);
      await until('the conflict is kept', async () => (await conflicts(`?entity=${entity}`)).length === n);
      await app.postgres.pool.query(
        `update usage_conflicts set last_seen_at = '2026-11-01T10:00:00Z'::timestamptz + $2 * interval '1 second'
         where entity = $1 and last_seen_at > '2026-11-02'`,
        [entity, n],
      );
    }
  };
  const review = (id: string, body: object, key = app.adminKey) =>
    app.call(`POST /v1/admin/usage_conflicts/${id}/review`, { body, key });

  it('are listed with the event that was counted', async () => {
    await contradict('shown/p', 1);
    expect(await conflicts('?entity=shown')).toMatchObject([
      {
        object: 'usage_conflict',
        id: expect.stringMatching(/^conflict_[0-9a-f]{64}\.shown$/),
        entity: 'shown',
        event_id: 'shown/p',
        counted: { quantities: { input: 100 } },
        other: { quantities: { input: 1 } },
        status: 'open',
        seen_count: 1,
        reviewed_at: null,
        reviewed_by: null,
        review_note: null,
        cost_usd: null,
      },
    ]);
  });

  it('are found by entity, subject, status and time, page by page, each once', async () => {
    await contradict('paged/p', 5);
    const seen: number[] = [];
    for (let after = '', more = true; more;) {
      const { body } = await app.call(`GET /v1/admin/usage_conflicts?entity=paged&limit=2${after}`);
      seen.push(...body.data.map(({ other }: Conflict) => other.quantities.input));
      [after, more] = [`&after=${body.last_id}`, body.has_more];
    }
    expect(seen).toEqual([5, 4, 3, 2, 1]);
    const count = async (query: string) => (await conflicts(query)).length;
    expect(await count('?subject=paged/p')).toBe(5);
    expect(await count('?subject=paged/q')).toBe(0);
    expect(await count('?entity=paged&status=open')).toBe(5);
    expect(await count('?entity=paged&status=reviewed')).toBe(0);
    const at = Date.parse('2026-11-01T10:00:02Z') / 1_000;
    expect(await count(`?entity=paged&start_time=${at}`)).toBe(4);
    expect(await count(`?entity=paged&start_time=${at}&end_time=${at + 2}`)).toBe(2);
    for (const [query, param] of [
      ['entity=paged&subject=other/p', 'entity'],
      ['status=closed', 'status'],
      ['after=conflict_1', 'after'],
    ]) {
      const { status, body } = await app.call(`GET /v1/admin/usage_conflicts?${query}`);
      expect([status, body.error.param]).toEqual([400, param]);
    }
  });

  it('are open until they are reviewed, and each review is audited with its note', async () => {
    await contradict('reviewed/p', 2);
    const marks = async () => (await app.call('GET /v1/entities/reviewed/activity')).body.marks.conflicts;
    expect(await marks()).toBe(2);
    const [, first] = await conflicts('?entity=reviewed');
    const { status, body } = await review(first!.id, { note: 'a gateway of ours sent it twice' });
    const by = await rows(
      'select actor from audit_log where entity = $1 order by id desc limit 1',
      'reviewed',
    );
    expect([status, body]).toEqual([
      200,
      {
        ...first,
        status: 'reviewed',
        reviewed_at: expect.any(Number),
        reviewed_by: by[0].actor,
        review_note: 'a gateway of ours sent it twice',
      },
    ]);
    expect(await conflicts('?entity=reviewed&status=reviewed')).toEqual([body]);
    expect(await conflicts('?entity=reviewed&status=open')).toHaveLength(1);
    expect(await marks()).toBe(1);
    const problems = `select status, events::int from reporting.intake_problems where entity = $1 order by status`;
    expect(await rows(problems, 'reviewed')).toEqual([
      { status: 'open', events: 1 },
      { status: 'reviewed', events: 1 },
    ]);

    expect((await review(first!.id, {})).body).toMatchObject({ status: 'reviewed', review_note: null });
    const { body: log } = await app.call('GET /v1/admin/audit_log?entity=reviewed');
    const change = { action: 'usage_conflicts.reviewed', entity: 'reviewed', target: first!.id };
    expect(log.data).toMatchObject([
      {
        ...change,
        before: { status: 'reviewed', note: 'a gateway of ours sent it twice' },
        after: { status: 'reviewed', note: null },
      },
      {
        ...change,
        before: { status: 'open' },
        after: { status: 'reviewed', note: 'a gateway of ours sent it twice' },
      },
    ]);
  });

  it('are reviewed once under a key, tried out without a trace, and audited with request, role and address', async () => {
    await contradict('noted/p', 1);
    const [conflict] = await conflicts('?entity=noted');
    const noted = (query = '') =>
      app.call(`POST /v1/admin/usage_conflicts/${conflict!.id}/review${query}`, {
        body: { note: 'a retry' },
        headers: { 'idempotency-key': 'noted' },
      });
    const dry = await noted('?dry_run=true');
    expect([dry.status, dry.body.status]).toEqual([200, 'reviewed']);
    expect(await conflicts('?entity=noted')).toEqual([conflict]);
    const [first, again] = [await noted(), await noted()];
    expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([first.body, 'true']);
    const { body: log } = await app.call('GET /v1/admin/audit_log?entity=noted');
    expect(log.data).toMatchObject([
      {
        role: 'admin',
        request_id: expect.any(String),
        address: '127.0.0.1',
        before: { status: 'open' },
        after: { status: 'reviewed', note: 'a retry' },
      },
    ]);
  });

  it('stay reviewed when the same content arrives again, and count the arrival', async () => {
    await contradict('repeated/p', 1);
    const [conflict] = await conflicts('?entity=repeated');
    await review(conflict!.id, {});
    await report('repeated/p', 1);
    await until('it is seen again', async () => {
      const [row] = await rows('select seen_count from usage_conflicts where entity = $1', 'repeated');
      return row.seen_count === '2';
    });
    expect(await conflicts('?entity=repeated')).toMatchObject([{ status: 'reviewed', seen_count: 2 }]);
  });

  it('are within an entity: another has its own event under the same source and id', async () => {
    await report('theirs/p', 100, 'shared-id');
    await report('mine/p', 7, 'shared-id');
    await counted('theirs');
    await counted('mine');
    await report('mine/p', 8, 'shared-id');
    await contradict('others/p', 1);
    await until('the conflict is kept', async () => (await conflicts('?entity=mine')).length === 1);
    const [mine, ...more] = await conflicts('?entity=mine');
    expect([mine, more]).toMatchObject([{ entity: 'mine', counted: { entity: 'mine' } }, []]);
    expect((await review(mine!.id, {})).body).toMatchObject({ status: 'reviewed' });
    expect(await conflicts('?entity=others')).toMatchObject([{ status: 'open' }]);
  });

  it('are got by their id, and a cursor that is none of the scope’s is refused', async () => {
    await contradict('got/p', 1);
    await contradict('other/p', 1);
    const [[conflict], [foreign]] = [await conflicts('?entity=got'), await conflicts('?entity=other')];
    expect((await app.call(`GET /v1/admin/usage_conflicts/${conflict!.id}`)).body).toEqual(conflict);
    for (const id of [foreign!.id, `conflict_${'0'.repeat(64)}.got`]) {
      const page = await app.call(`GET /v1/admin/usage_conflicts?entity=got&after=${id}`);
      const { code, param } = page.body.error;
      expect([page.status, code, param]).toEqual([400, 'invalid_request', 'after']);
    }
    expect((await app.call(`GET /v1/admin/usage_conflicts/conflict_${'0'.repeat(64)}.got`)).status).toBe(404);
  });

  it('can be counted after all, once, as an event of their own that is charged and can be found', async () => {
    await contradict('recounted/p', 1);
    const [conflict] = await conflicts('?entity=recounted');
    const count = (headers = {}) =>
      app.call(`POST /v1/admin/usage_conflicts/${conflict!.id}/count`, {
        body: { note: 'both ran' },
        headers,
      });
    const dry = await app.call(`POST /v1/admin/usage_conflicts/${conflict!.id}/count?dry_run=true`);
    expect([dry.status, dry.body.status, dry.body.cost_usd]).toEqual([200, 'counted', '0.00000071']);
    expect(await conflicts('?entity=recounted')).toEqual([conflict]);
    const answers = await Promise.all([count(), count()]);
    answers.push(await count({ 'idempotency-key': 'k' }), await count({ 'idempotency-key': 'k' }));
    for (const { status, body } of answers) {
      const said = { status: 'counted', review_note: 'both ran', cost_usd: '0.00000071' };
      expect([status, body]).toEqual([200, expect.objectContaining(said)]);
    }
    const body = answers[0].body;
    expect(body.counted_as).toMatch(/^recounted\/p~[0-9a-f]{12}$/);
    const costs = await rows(
      'select id, cost_picos::text from rated_events where entity = $1 order by cost_picos',
      'recounted',
    );
    expect(costs).toEqual([
      { id: body.counted_as, cost_picos: '710000' },
      { id: 'recounted/p', cost_picos: '71000000' },
    ]);
    expect((await app.call('GET /v1/entities/recounted/balance')).body.month_to_date_usd).toBe('0.00007171');
    expect(await conflicts('?entity=recounted&status=counted')).toEqual([body]);
    expect(await conflicts('?entity=recounted&status=open')).toEqual([]);
    const { body: log } = await app.call('GET /v1/admin/audit_log?entity=recounted');
    expect(
      log.data.filter(({ action }: { action: string }) => action === 'usage_conflicts.counted'),
    ).toHaveLength(1);
    // What it was counted for is a duplicate from now on, also after another review.
    expect((await review(conflict!.id, { note: 'seen' })).body).toMatchObject({
      status: 'counted',
      review_note: 'seen',
    });
    const books = (await app.call('GET /v1/admin/reconciliation')).body;
    expect(books.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
    expect((await app.call(`POST /v1/admin/usage_conflicts/conflict_${'0'.repeat(64)}.x/count`)).status).toBe(
      404,
    );
  });

  it('cost nothing yet where their model has no price: the answer says so', async () => {
    await contradict('waiting/p', 1, 'unheard/of');
    const [conflict] = await conflicts('?entity=waiting');
    const { body } = await app.call(`POST /v1/admin/usage_conflicts/${conflict!.id}/count`, { body: {} });
    expect([body.status, body.cost_usd]).toEqual(['counted', null]);
  });

  it('end the hold of their request, of their own entity alone', async () => {
    await app.call('PUT /v1/admin/entities/holder', { body: { plan: 'pro' } });
    const held = async () => (await app.call('GET /v1/entities/holder/balance')).body.held_usd;
    const hold = async () => {
      const order = { project: 'holder/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 };
      return (await app.call('POST /v1/quota/reservations', { body: order })).body.id as string;
    };
    const send = (subject: string, promptTokens: number, reservation_id: string | null) =>
      app.call('POST /v1/usage/events', {
        body: anEventBody(
          { subject, id: 'same' },
          { usage: { prompt_tokens: promptTokens, completion_tokens: 0 }, reservation_id },
        ),
      });
    await send('holder/p', 0, null);
    await send('stranger/p', 0, null);
    await counted('holder');
    await counted('stranger');
    const id = await hold();
    await send('stranger/p', 9, id);
    await until(
      'the stranger’s conflict is kept',
      async () => (await conflicts('?entity=stranger')).length === 1,
    );
    expect(await held()).toBe('0.00071');
    await send('holder/p', 100, id);
    await until('the hold has ended', async () => (await held()) === '0');
    expect(await conflicts('?entity=holder')).toMatchObject([{ other: { reservation_id: id } }]);
  });

  it.each([
    [`conflict_${'0'.repeat(64)}.nobody`, {}, 404, 'id'],
    ['conflict_1', {}, 400, 'id'],
    [`conflict_${'0'.repeat(64)}.nobody`, { note: '' }, 400, 'note'],
    [`conflict_${'0'.repeat(64)}.nobody`, { remark: 'x' }, 400, 'remark'],
  ])('a review of %s with %j is refused with %s, param %j', async (id, body, status, param) => {
    const answer = await review(id, body);
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
  });
});
