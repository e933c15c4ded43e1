import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectAgreement } from '../support/correcting.js';
import { anOldMonth, keepEventsFor, MONTH, type OldMonth } from '../support/old-month.js';
import { until } from '../support/until.js';

let world: OldMonth;
let before: Record<string, unknown>[];
beforeAll(async () => {
  world = await anOldMonth();
  before = await ofFebruary();
  // January alone is old enough.
  await keepEventsFor(world, 4);
});
afterAll(() => world.close());

/** The events that February charged, page by page. */
async function ofFebruary(): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let after = '', more = true; more;) {
    const { body } = await world.app.call(`GET /v1/entities/alpha/events?period=2020-02&limit=1${after}`);
    found.push(...body.data);
    more = body.has_more;
    after = `&after=${body.last_id}`;
  }
  return found;
}

const run = (sql: string, values: unknown[] = []) => world.postgres.pool.query(sql, values);
const eventsLeft = async (): Promise<number> =>
  (await run(`select from usage_events where occurred_at < '2020-02-01'`)).rowCount ?? 0;
const stateOf = async () => {
  const { body } = await world.app.call('GET /v1/admin/settings/retention/event_months');
  const { state, waits_for: waits } = body.data.find(({ month }: { month: string }) => month === MONTH);
  return { state, waits };
};
const letter = `insert into dead_letters (entity, id, code, message, payload, status, first_seen_at, last_seen_at) values ('alpha', 'l', 'c', 'm', '{}', 'open', '2020-03-01', '2020-03-01')`;
const conflict = (occurred: string, other: string) =>
  `insert into usage_conflicts (entity, identity, other_fingerprint, source, event_id, other_content, original_occurred_at, first_seen_at, last_seen_at)
   values ('alpha', gen_random_uuid(), gen_random_uuid(), 's', 'i', '{"occurredAt": "${other}"}', '${occurred}', '2020-02-02', '2020-02-02')`;
/** One that runs elsewhere, so that no runner here takes it. */
const job = (kind: string) =>
  `insert into jobs (id, kind, status, input_hash, actor, runner, seen_at, created_at)
   values ('job_w', '${kind}', 'running', '', 'a', gen_random_uuid(), '2999-01-01', '2020-01-01')`;
const first = `(select identity from usage_events where occurred_at < '2020-02-01' order by identity limit 1)`;

describe('a month that is old enough', () => {
  it.each<[string, string, string[], string[]]>([
    [
      'a day is not rolled up',
      'roll_ups',
      [`update usage_days set rolled_up = false where entity = 'beta' and day < '2020-02-01'`],
      [`update usage_days set rolled_up = true where day < '2020-02-01'`],
    ],
    [
      'a month that was charged for its usage has no statement yet',
      'statements',
      [
        `alter table closed_periods disable trigger all`,
        `create table saved as table closed_periods`,
        `delete from closed_periods where entity = 'alpha' and period = '2020-02'`,
      ],
      [
        `insert into closed_periods select * from saved s where not exists (select from closed_periods c where c.entity = s.entity and c.period = s.period)`,
        `drop table saved`,
        `alter table closed_periods enable trigger all`,
      ],
    ],
    [
      'usage of it waits for a price',
      'unpriced_usage',
      [`update usage_events set unpriced_meters = '{search}' where identity = ${first}`],
      [`update usage_events set unpriced_meters = null`],
    ],
    ['a dead letter of that time is open', 'dead_letters', [letter], [`delete from dead_letters`]],
    [
      'a conflict with one of its events is open',
      'conflicts',
      [conflict('2020-01-31T23:59:59Z', '2020-02-01T00:00:00Z')],
      [`delete from usage_conflicts`],
    ],
    [
      'a conflict whose other content is of it is open',
      'conflicts',
      [conflict('2020-02-01T00:00:00Z', '2020-01-31T23:59:59Z')],
      [`delete from usage_conflicts`],
    ],
    ...[
      'rerating',
      'unpriced_charging',
      'repair',
      'erasure',
      'price_import',
      'dead_letter_resolution',
      'conflict_resolution',
    ].map((kind): [string, string, string[], string[]] => [
      `a job waits: ${kind}`,
      'jobs',
      [job(kind)],
      [`delete from jobs where id = 'job_w'`],
    ]),
  ])('is kept while %s', async (_, wait, statements, undo) => {
    const client = await world.postgres.pool.connect();
    try {
      for (const statement of statements) await client.query(statement);
      expect(await stateOf()).toEqual({ state: 'waiting', waits: [wait] });
      expect([await world.months.drop(), await eventsLeft()]).toEqual([0, 5]);
      expect(world.lines.at(-1)).toContain(`"waits_for":["${wait}"]`);
    } finally {
      for (const statement of undo) await client.query(statement);
      client.release();
    }
    expect(await stateOf()).toEqual({ state: 'due', waits: [] });
  });

  it('is not kept by a dead letter or a conflict that somebody has dealt with, nor by what came when it was too old for it', async () => {
    await run(letter.replace(`'open', '2020-03-01', '2020-03-01'`, `'open', '2020-03-15', '2020-03-15'`));
    await run(letter.replace(`'l'`, `'m'`).replace(`'open'`, `'discarded'`));
    await run(conflict('2020-01-31T23:59:59Z', '2020-01-31T23:59:59Z'));
    await run(`update usage_conflicts set reviewed_at = '2020-03-01', reviewed_by = 'a'`);
    expect(await stateOf()).toEqual({ state: 'due', waits: [] });
    await run(`delete from dead_letters`);
    await run(`delete from usage_conflicts`);
  });

  it('is kept where its roll-ups are not what its events say, which is logged as a warning and counted', async () => {
    await run(`update usage_hourly set cost_picos = cost_picos + 1 where entity = 'beta'`);
    expect([await world.months.drop(), await eventsLeft()]).toEqual([0, 5]);
    expect(world.lines.at(-1)).toContain('its books differ');
    expect(await world.metrics.text()).toContain('tally_usage_months_total{outcome="differing"} 1');
    await run(`update usage_hourly set cost_picos = cost_picos - 1 where entity = 'beta'`);
  });

  it('is kept while somebody reads it, and usage is counted and read meanwhile without waiting', async () => {
    const reader = await world.postgres.pool.connect();
    try {
      await reader.query('begin isolation level repeatable read');
      await reader.query('select count(*) from usage_events');
      const waited: unknown[] = [];
      const attempt = { hasEnded: false };
      const dropping = world.months.drop().finally(() => (attempt.hasEnded = true));
      let counted = 0;
      while (!attempt.hasEnded) {
        await world.recorder.record([world.at('2020-06-14T10:00:00Z'), world.plain]);
        counted += 1;
        const { rows } = await run(
          `select query from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        waited.push(...rows);
      }
      expect(await dropping).toBe(0);
      expect([counted > 0, waited, await eventsLeft()]).toEqual([true, [], 5]);
      expect(world.lines.at(-1)).toContain('in_use');
      // The reader sees what it saw.
      await reader.query('select count(*) from usage_events');
    } finally {
      await reader.query('commit');
      reader.release();
    }
  });

  it('is kept while somebody writes to it, and where anything in it changed since it was recorded', async () => {
    const other = await world.postgres.pool.connect();
    const isRecorded = async () => {
      const { rows } = await run(
        `select from pg_locks where locktype = 'relation' and relation = 'dropped_months'::regclass and mode = 'RowExclusiveLock'`,
      );
      return rows.length > 0;
    };
    try {
      await other.query('begin');
      await other.query(`lock table usage_events_2020_01 in row exclusive mode`);
      expect([await world.months.drop(), await eventsLeft()]).toEqual([0, 5]);
      const dropping = world.months.drop();
      await until('the month is recorded', isRecorded);
      // As counting, corrections and erasures mark the day that they change.
      await run(`update usage_days set rolled_up = false where entity = 'beta' and day < '2020-02-01'`);
      await other.query('commit');
      expect([await dropping, await eventsLeft()]).toEqual([0, 5]);
    } finally {
      other.release();
    }
    await run(`update usage_days set rolled_up = true where day < '2020-02-01'`);
    expect((await run('select from dropped_months')).rowCount).toBe(0);
  });

  it('is dropped once, also where two workers are at it', async () => {
    const dropped = await Promise.all([world.months.drop(), world.months.drop()]);
    expect([dropped[0] + dropped[1], await eventsLeft()]).toEqual([1, 0]);
    expect((await run('select from dropped_months')).rowCount).toBe(1);
    await expectAgreement(world);
  });

  it('leaves the list of what another period charged as it was, but for persons', async () => {
    const nobody = { user_id: null, request_id: null, tags: null };
    const late = before.filter(({ occurred_at }) => String(occurred_at) < '2020-02');
    expect(late.length).toBeGreaterThan(0);
    expect(await ofFebruary()).toEqual(
      before.map((event) => ({ ...event, ...(late.includes(event) && nobody) })),
    );
  });
});

describe('the service', () => {
  it('cannot drop a month that it has not recorded, a young one, or what stays of one', async () => {
    const { reader } = world.database;
    expect(await reader.$queryRaw`select drop_usage_month('2020-02') as dropped`).toEqual([
      { dropped: false },
    ]);
    const month = new Date().toISOString().slice(0, 7);
    await expect(reader.$queryRaw`select record_usage_month(${month}::text, now())`).rejects.toThrow(
      /too young/,
    );
    const attempts = [
      () => reader.$executeRaw`delete from dropped_months`,
      () => reader.$executeRaw`update dropped_usage set cost_picos = 0`,
      () => reader.$executeRaw`insert into dropped_burns values ('a', '2020-01', 'g', 1)`,
      () => reader.$executeRaw`delete from kept_events`,
      () => reader.$executeRaw`truncate usage_events_2020_02`,
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(/permission denied/);
  });
});
