import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/app.js';
import { expectAgreement } from '../support/correcting.js';
import { anOldMonth, keepEventsFor, MODEL, MONTH, type OldMonth } from '../support/old-month.js';

const eventsLeft = async (world: OldMonth, month = MONTH): Promise<number> => {
  const { rows } = await world.postgres.pool.query<{ n: number }>(
    `select count(*)::int as n from usage_events where to_char(occurred_at at time zone 'UTC', 'YYYY-MM') = $1`,
    [month],
  );
  return rows[0]!.n;
};
const rowsOf = async (world: OldMonth, from: string, values: unknown[] = []) =>
  (await world.postgres.pool.query(`select * from ${from}`, values)).rows as Record<string, unknown>[];

/** Every answer about the month that does not list events one by one. */
const ANSWERS = [
  'GET /v1/entities/alpha/statements/2020-01',
  'GET /v1/entities/alpha/statements/2020-02',
  'GET /v1/entities/beta/statements/2020-01',
  'GET /v1/exports/focus.csv?period=2020-01',
  'GET /v1/exports/focus.csv?period=2020-02&entity=alpha',
  'GET /v1/admin/usage_corrections',
  'GET /v1/admin/usage_corrections?entity=alpha&kind=late_usage',
  'GET /v1/admin/usage_corrections?entity=alpha&period=2020-02',
  'GET /v1/entities/alpha/usage?start_time=1577836800&end_time=1580515200&group_by=model,project',
  'GET /v1/entities/alpha/balance',
  'GET /v1/admin/entities/alpha/credits',
  'GET /v1/admin/entities/alpha/ledger',
  'GET /v1/organization/usage/completions?start_time=1577836800&end_time=1580515200&group_by=user_id&bucket_width=1d',
  'GET /v1/organization/usage/completions?start_time=1577836800&end_time=1580515200&group_by=api_key_id&bucket_width=1d',
  'GET /v1/organization/costs?start_time=1577836800&end_time=1580515200&group_by=line_item',
];
const ask = (world: OldMonth, request: string): Promise<Answer> =>
  world.app.call(request, { headers: { 'openai-organization': 'alpha' } });
/** Times of the answer itself apart. */
const answersOf = async (world: OldMonth): Promise<string[]> => {
  const answers = [];
  for (const request of ANSWERS) {
    const { status, text } = await ask(world, request);
    answers.push(`${request} ${status} ${text.replace(/"(as_of|issued_at|generated_at)":[^,}]+/g, '')}`);
  }
  return answers;
};

describe('the events of an old month', () => {
  let world: OldMonth;
  beforeAll(async () => (world = await anOldMonth()));
  afterAll(() => world.close());

  it('stay for ever by default, as money does', async () => {
    expect((await world.app.call('GET /v1/admin/settings/retention')).body.events_months).toBe(null);
    expect([await world.months.drop(), await eventsLeft(world)]).toEqual([0, 5]);
  });

  it('would go where they are older than asked for, which a list shows and changes nothing', async () => {
    const list = async (query: string) =>
      (await world.app.call(`GET /v1/admin/settings/retention/event_months${query}`)).body.data;
    expect((await list('?events_months=4')).at(-1)).toEqual({
      object: 'event_month',
      month: MONTH,
      state: 'due',
      waits_for: [],
      events: 4,
      cost_usd: null,
      dropped_at: null,
      hash: null,
    });
    const states = (await list('?events_months=5')).map(({ state }: { state: string }) => state);
    expect(states).toEqual(['kept', 'kept', 'kept']);
    expect((await list('')).at(-1)).toMatchObject({ month: MONTH, state: 'kept', events: null });
    const refused = await world.app.call('GET /v1/admin/settings/retention/event_months?events_months=2');
    expect([refused.status, refused.body.error.param]).toEqual([400, 'events_months']);
    const dry = await world.app.call('PUT /v1/admin/settings/retention?dry_run=true', {
      body: { events_months: 3 },
    });
    expect([dry.status, dry.body.events_months]).toEqual([200, 3]);
    expect((await world.app.call('GET /v1/admin/settings/retention')).body.events_months).toBe(null);
    expect(await eventsLeft(world)).toBe(5);
  });
});

describe('a month whose events were dropped', () => {
  let world: OldMonth;
  let before: string[];
  beforeAll(async () => {
    world = await anOldMonth();
    await expectAgreement(world);
    before = await answersOf(world);
    await keepEventsFor(world, 4);
    expect(await world.months.drop()).toBe(1);
  });
  afterAll(() => world.close());
  beforeEach(() => world.clock.set('2020-06-15T00:00:00Z'));

  it('has none of them left, and the other months have all of theirs', async () => {
    expect([
      await eventsLeft(world),
      await eventsLeft(world, '2020-02'),
      await eventsLeft(world, '2020-06'),
    ]).toEqual([0, 1, 1]);
    expect(await world.months.drop()).toBe(0);
  });

  it('leaves a record: how many, their sums by customer and model, what they burnt, and a hash', async () => {
    const [month] = await rowsOf(world, 'dropped_months');
    expect(month).toMatchObject({ month: MONTH, events: '5', cost_picos: '750' });
    expect(await rowsOf(world, 'dropped_events order by entity')).toMatchObject([
      { entity: 'alpha', month: MONTH, events: '4', corrections: '2' },
      { entity: 'beta', month: MONTH, events: '1', corrections: '0' },
    ]);
    const sums = await rowsOf(
      world,
      `(select entity, model, sum(requests)::int as requests, sum(input_tokens)::int as input, sum(cost_picos)::int as cost
        from dropped_usage group by 1, 2 order by 1, 2) s`,
    );
    expect(sums).toEqual([
      { entity: 'alpha', model: 'dearer', requests: 1, input: 100, cost: 300 },
      { entity: 'alpha', model: MODEL, requests: 2, input: 200, cost: 300 },
      { entity: 'beta', model: MODEL, requests: 1, input: 100, cost: 150 },
    ]);
    const { body } = await world.app.call('GET /v1/admin/settings/retention/event_months');
    expect(body.data.at(-1)).toMatchObject({
      month: MONTH,
      state: 'dropped',
      events: 5,
      cost_usd: '0.00000000075',
      dropped_at: 1592179200,
      hash: (month!['hash'] as Buffer).toString('hex'),
    });
  });

  it('is in the audit log, the log and the metrics', async () => {
    const { data } = (await world.app.call('GET /v1/admin/audit_log?action=usage_months.drop')).body;
    expect(data).toMatchObject([
      {
        target: MONTH,
        before: { events: '5', cost_picos: '750', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ]);
    expect(world.lines.join('\n')).toContain('events of a month dropped');
    expect(await world.metrics.text()).toContain('tally_usage_months_total{outcome="dropped"} 1');
  });

  it('changes no answer: statements, FOCUS, corrections, reports by day, credits and ledger', async () => {
    expect(await answersOf(world)).toEqual(before);
  });

  it('agrees with the books, and repair finds nothing to change', async () => {
    await expectAgreement(world);
    expect((await world.repair.preview('alpha')).changed).toBe(0);
    const repaired = await world.app.call('POST /v1/admin/reconciliation/repair', {
      body: { entity: 'alpha' },
      headers: { 'idempotency-key': 'repair' },
    });
    expect([repaired.status, repaired.body.changed]).toEqual([200, 0]);
    await world.days.build();
    await expectAgreement(world);
    expect(await answersOf(world)).toEqual(before);
  });

  it.each([
    [
      'a roll-up',
      `update usage_hourly set input_tokens = input_tokens + 1 where entity = 'alpha' and hour < '2020-02-01'`,
    ],
    ['the record', `update dropped_usage set cost_picos = cost_picos + 1 where entity = 'beta'`],
    ['what it burnt', `update dropped_burns set amount_picos = amount_picos + 1`],
    ['its count', `update dropped_events set events = events + 1 where entity = 'beta'`],
    ['its corrections', `update dropped_events set corrections = corrections + 1 where entity = 'alpha'`],
  ])('does not agree any more where somebody changes %s', async (_, damage) => {
    const client = await world.postgres.pool.connect();
    const tables = ['usage_hourly', 'dropped_usage', 'dropped_burns', 'dropped_events'];
    try {
      for (const table of tables) await client.query(`create table saved_${table} as table ${table}`);
      await client.query(damage);
      expect((await world.reconciliation.run()).ok).toBe(false);
    } finally {
      for (const table of tables) {
        await client.query(`truncate ${table}`);
        await client.query(`insert into ${table} table saved_${table}`);
        await client.query(`drop table saved_${table}`);
      }
      client.release();
    }
    await expectAgreement(world);
  });

  it('counts a repetition of one of its events as a duplicate, whatever it says', async () => {
    const other = { ...world.plain, quantities: { input: 7 } };
    expect(await world.recorder.record([world.plain])).toMatchObject({
      recorded: 0,
      duplicates: 1,
      conflicts: 0,
    });
    expect(await world.recorder.record([other, other, world.at('2020-06-14T11:00:00Z')])).toMatchObject({
      recorded: 1,
      duplicates: 2,
      conflicts: 0,
    });
    expect(await eventsLeft(world)).toBe(0);
    await expectAgreement(world);
  });

  it('refuses what needs an event of it with 410, and says what was dropped and when', async () => {
    const { source, id } = world.plain;
    const path = `/v1/admin/usage_events/${encodeURIComponent(source)}/${id}/void`;
    const order = (body: object) =>
      world.app.call(`POST ${path}`, {
        body: { reason: 'r', ...body },
        headers: { 'idempotency-key': JSON.stringify(body) },
      });
    const range = { from: '2020-01-10T00:00:00Z', to: '2020-03-01T00:00:00Z' };
    const rerate = (query: string) =>
      world.app.call(`POST /v1/admin/prices/rerate${query}`, {
        body: { model: MODEL, reason: 'r', ...range },
        headers: { 'idempotency-key': `rerate${query}` },
      });
    const january = 'start_time=1577836800&end_time=1580515200';
    const refusals = [
      await order({ time: '2020-01-05T00:00:00Z', entity: 'alpha' }),
      await order({ time: '2020-01-05T00:00:00Z' }),
      // Its identity is not pruned yet, and says when it was.
      await order({}),
      await rerate(''),
      await rerate('?dry_run=true'),
      await ask(world, `GET /v1/entities/alpha/events?${january}`),
      await ask(world, 'GET /v1/entities/alpha/events?period=2020-01'),
      await ask(world, `GET /v1/entities/alpha/usage?${january}&group_by=tag:team`),
      await ask(world, `GET /v1/entities/alpha/usage?${january}&group_by=user`),
      await ask(
        world,
        `GET /v1/organization/usage/completions?${january}&bucket_width=1h&group_by=user_id&limit=168`,
      ),
      await ask(
        world,
        'GET /v1/organization/usage/completions?start_time=1578214800&end_time=1578218400&bucket_width=1m',
      ),
    ];
    expect(refusals.map(({ status, body }) => [status, body.error?.code])).toEqual(
      refusals.map(() => [410, 'events_dropped']),
    );
    expect(refusals[0]!.body.error).toMatchObject({
      param: 'time',
      message: expect.stringContaining('the events of 2020-01 were dropped on 2020-06-15'),
      details: { months: [{ month: MONTH, dropped_at: 1592179200 }], events_from: 1580515200 },
    });
    // Of those that had none there, and of later times, answers are as ever.
    await world.app.call('PUT /v1/admin/entities/gamma', { body: { plan: 'free' } });
    expect((await ask(world, `GET /v1/entities/gamma/events?${january}`)).status).toBe(200);
    expect(
      (await ask(world, 'GET /v1/entities/alpha/events?start_time=1580515200&end_time=1583020800')).status,
    ).toBe(200);
    expect((await order({ time: '2020-03-05T00:00:00Z', entity: 'alpha' })).status).toBe(404);
  });

  it('takes late usage as any closed month does: charged to the open month, in reports beside what was dropped', async () => {
    const users = async () => {
      const { body } = await ask(
        world,
        'GET /v1/organization/usage/completions?start_time=1578182400&end_time=1578268800&group_by=user_id&bucket_width=1d',
      );
      const [{ results }] = body.data;
      return Object.fromEntries(
        results.map(({ user_id, num_model_requests }: Record<string, unknown>) => [
          user_id,
          num_model_requests,
        ]),
      );
    };
    expect(await users()).toEqual({ ada: 1 });
    const late = world.at('2020-01-05T12:00:00Z', { userId: 'cleo' });
    expect(await world.recorder.record([late])).toMatchObject({ recorded: 1 });
    expect(await users()).toEqual({ ada: 1, cleo: 1 });
    await expectAgreement(world);
    expect(await world.days.build()).toBeGreaterThan(0);
    expect(await users()).toEqual({ ada: 1, cleo: 1 });
    await expectAgreement(world);
    const [row] = await rowsOf(world, `usage_events where user_id = 'cleo'`);
    expect(row).toMatchObject({ period: '2020-06' });
    // And it can be voided, which no dropped one can.
    const located = await world.voids.locate({ ...late, occurredAt: null, entity: 'alpha' });
    await world.database.transaction((tx) => world.voids.void(tx, located, { reason: 'r', actor: 'test' }));
    await world.days.build();
    expect(await users()).toEqual({ ada: 1 });
    await expectAgreement(world);
    expect((await world.repair.preview('alpha')).changed).toBe(0);
  });

  it('names nobody once the user is erased from its roll-ups, and its sums stay', async () => {
    const erased = await world.app.call('POST /v1/admin/entities/alpha/erase', { body: { user_id: 'ada' } });
    expect([erased.status, erased.body.roll_ups]).toEqual([200, 2]);
    await world.days.build();
    await expectAgreement(world);
    expect(await rowsOf(world, `usage_daily_callers where 'ada' = any(user_ids)`)).toEqual([]);
    expect(JSON.stringify(await rowsOf(world, 'kept_events'))).not.toMatch(/"(ada|bob|req_1)"/);
  });
});
