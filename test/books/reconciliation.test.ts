import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anEvent, LLAMA } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy } from '../support/correcting.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

/** Books with a purchase, burns in a posted and in an open hour, and overage. */
beforeEach(async () => {
  const entity = `e${books.clock.now().getTime()}`;
  await buy(books, entity, 150_000_000n);
  const occurredAt = books.clock.now();
  await books.recorder.record([anEvent({ subject: `${entity}/p`, occurredAt })]);
  books.clock.advance(3_600_000);
  await books.posting.post();
  await books.recorder.record([anEvent({ subject: `${entity}/p`, occurredAt })]);
  expect((await books.reconciliation.run()).ok).toBe(true);
});

/** Runs SQL without triggers, as a bug or a person in the database could change the books. Returns the checks that fail afterwards. */
async function failingAfter(...tampering: string[]): Promise<string[]> {
  const client = await books.postgres.pool.connect();
  try {
    await client.query('begin isolation level repeatable read');
    await client.query(`set local session_replication_role = replica`);
    for (const sql of tampering) await client.query(sql);
    await client.query('commit');
  } finally {
    client.release();
  }
  const { checks } = await books.reconciliation.run();
  return checks.filter((check) => !check.ok).map((check) => check.name);
}

describe('the reconciliation', () => {
  it.each([
    [
      'every event has its identity',
      `delete from usage_identities where identity = (select min(identity::text)::uuid from rated_events)`,
      `insert into usage_identities select identity, occurred_at from rated_events on conflict do nothing`,
    ],
    [
      'events equal roll-ups: requests',
      `update usage_hourly set requests = requests + 1`,
      `update usage_hourly set requests = requests - 1`,
    ],
    [
      'events equal roll-ups: quantities',
      `update usage_hourly set reasoning_tokens = 0, output_tokens = output_tokens + 1`,
      `update usage_hourly set output_tokens = output_tokens - 1`,
    ],
    [
      'events equal roll-ups: burnt',
      `update usage_hourly set paid_burnt_picos = paid_burnt_picos + 1`,
      `update usage_hourly set paid_burnt_picos = paid_burnt_picos - 1`,
    ],
    [
      'events equal roll-ups: cost',
      `update usage_hourly set cost_picos = cost_picos + 1`,
      `update usage_hourly set cost_picos = cost_picos - 1`,
    ],
    [
      'quantities times unit prices equal cost',
      `update usage_hourly set cost_picos = cost_picos + 1`,
      `update usage_hourly set cost_picos = cost_picos - 1`,
    ],
    [
      'spend of projects equals spend of entities',
      `update entity_spend set cost_picos = cost_picos + 1, overage_picos = overage_picos + 1`,
      `update entity_spend set cost_picos = cost_picos - 1, overage_picos = overage_picos - 1`,
    ],
    [
      'roll-ups equal spend of projects',
      `update project_spend set cost_picos = cost_picos + 1`,
      `update project_spend set cost_picos = cost_picos - 1`,
    ],
    [
      'cost of events equals burns plus overage',
      `update burns set amount_picos = amount_picos + 1 where grant_id is null`,
      `update burns set amount_picos = amount_picos - 1 where grant_id is null`,
    ],
    [
      'burns equal what grants say was burnt',
      `update credit_grants set burnt_picos = burnt_picos + 1, amount_picos = amount_picos + 1`,
      `update credit_grants set burnt_picos = burnt_picos - 1, amount_picos = amount_picos - 1`,
    ],
    [
      'burnt part of events equals burns of grants',
      `update usage_events set lot = null where burnt_picos > 0`,
      `update usage_events e set lot = g.lot from credit_grants g where g.entity = e.entity and e.burnt_picos > 0`,
    ],
    [
      'ledger and open hours equal what grants have left',
      `update credit_grants set remaining_picos = remaining_picos + 1, amount_picos = amount_picos + 1`,
      `update credit_grants set remaining_picos = remaining_picos - 1, amount_picos = amount_picos - 1`,
    ],
    [
      'ledger holds every closed hour',
      `update burns set posted = true where not posted`,
      `update burns set posted = false where booked_hour = (select max(booked_hour) from burns)`,
    ],
    [
      'ledger entries follow one another as they were written',
      `update ledger_entries set reference = 'another'`,
      `update ledger_entries set reference = null`,
    ],
    [
      'audit entries follow one another as they were written',
      `update audit_log set actor = 'nobody'`,
      `update audit_log set actor = 'test'`,
    ],
  ])('fails the check "%s" when it does not hold', async (name, tampering, repair) => {
    expect(await failingAfter(tampering)).toContain(name);
    expect(await failingAfter(repair)).toEqual([]);
  });

  it('names the entity, the hour and the model of a roll-up that is one picodollar off, and nothing else', async () => {
    const { rows } = await books.postgres.pool.query<{ entity: string; hour: Date }>(
      `select entity, hour from hourly_usage order by entity, hour limit 1`,
    );
    const [{ entity, hour }] = rows as [{ entity: string; hour: Date }];
    const change = (by: string) =>
      books.postgres.pool.query(
        `update usage_hourly set cost_picos = cost_picos ${by} where entity = $1 and hour = $2`,
        [entity, hour],
      );
    await change('+ 1');
    const { checks } = await books.reconciliation.run();
    const check = checks.find((one) => one.name === 'events equal roll-ups: cost');
    expect(check?.differences).toEqual([
      {
        key: expect.objectContaining({
          entity,
          hour: hour.toISOString().replace('.000Z', '+00:00'),
          project: 'p',
          model: LLAMA,
        }),
        left: expect.any(String),
        right: expect.any(String),
      },
    ]);
    expect(BigInt(check!.right) - BigInt(check!.left)).toBe(1n);
    await change('- 1');
    expect((await books.reconciliation.run()).ok).toBe(true);
  });
});
