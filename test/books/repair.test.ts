import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy, expectAgreement, publish, spendOf, voidEvent, voidGrant } from '../support/correcting.js';

/** 150 tokens for a picodollar each. */
const MODEL = 'one-pico';

let books: Books;
let entity: EntityName;
let count = 0;
beforeAll(async () => {
  books = await theBooks();
  await publish(books, MODEL, '0.000001');
});
afterAll(() => books.close());

/** Books with everything in them: grants of both categories, a void, a re-rating, an expiry, a voided grant, posted and open hours. */
beforeEach(async () => {
  entity = `e${(count += 1)}` as EntityName;
  const event = () => anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt: books.clock.now() });
  await buy(books, entity, 500n);
  await buy(books, entity, 70n, { category: 'promotional', priority: 1 });
  await buy(books, entity, 10n, { priority: 90, expiresAt: new Date(books.clock.now().getTime() + 60_000) });
  await voidGrant(books, await buy(books, entity, 10n, { priority: 99 }));
  const wrong = event();
  await books.recorder.record([event(), wrong, event()]);
  await publish(books, MODEL, '0.000002', { from: '2026-11-22T00:00:00Z', entity });
  const to = new Date(books.clock.now().getTime() + 1);
  const order = { model: MODEL, from: new Date('2026-11-22T00:00:00Z'), to, entity, reason: 'r', actor: 't' };
  await books.rerating.rerate(order);
  books.clock.advance(3_600_000);
  await books.expiry.expire();
  await books.posting.post();
  await voidEvent(books, wrong);
  await books.recorder.record([event()]);
  await expectAgreement(books);
});

const tamper = async (...statements: string[]): Promise<void> => {
  const client = await books.postgres.pool.connect();
  try {
    await client.query('begin');
    await client.query('set local session_replication_role = replica');
    for (const sql of statements) await client.query(sql, sql.includes('$1') ? [entity] : []);
    await client.query('commit');
  } finally {
    client.release(true);
  }
};

const repair = () =>
  books.database.transaction((tx) => books.repair.repair(tx, { entity, actor: 'key_test' }));

const projections = async (): Promise<unknown[]> =>
  Promise.all(
    ['usage_hourly', 'entity_spend', 'project_spend', 'credit_grants'].map(
      async (table) =>
        (
          await books.postgres.pool.query(`select * from ${table} t where entity = $1 order by t::text`, [
            entity,
          ])
        ).rows,
    ),
  );

describe('the repair', () => {
  it('changes nothing where the books agree', async () => {
    const before = await projections();
    expect(await books.repair.preview(entity)).toEqual({ entity, changed: 0, changes: [] });
    expect(await repair()).toEqual({ entity, changed: 0, changes: [] });
    expect(await projections()).toEqual(before);
  });

  it.each([
    [
      'roll-ups that are wrong',
      `update usage_hourly set cost_picos = cost_picos + 1, requests = 9 where entity = $1`,
    ],
    [
      'roll-ups that split their payment wrongly',
      `update usage_hourly set paid_burnt_picos = 0 where entity = $1`,
    ],
    ['roll-ups that are lost', `delete from usage_hourly where entity = $1`],
    [
      'a roll-up that nothing was counted in',
      `insert into usage_hourly select entity, hour - interval '1 day', series_id, rate_id, period, 1, 1, 1, 1, 1, null, 1
       from (select * from usage_hourly where entity = $1 limit 1) u`,
    ],
    [
      'the spend of an entity',
      `update entity_spend set cost_picos = cost_picos + 1, overage_picos = overage_picos + 1 where entity = $1`,
    ],
    ['spend that is lost', `delete from entity_spend where entity = $1`],
    ['the spend of a project', `update project_spend set cost_picos = 0 where entity = $1`],
    [
      'what grants have left',
      `update credit_grants set remaining_picos = remaining_picos + burnt_picos, burnt_picos = 0 where entity = $1`,
    ],
    [
      'what grants lost',
      `update credit_grants set voided_picos = expired_picos, expired_picos = voided_picos where entity = $1`,
    ],
  ])('puts right: %s', async (_, sql) => {
    const before = await projections();
    await tamper(sql);
    const preview = await books.repair.preview(entity);
    expect(preview.changed).toBeGreaterThan(0);
    expect(await projections()).not.toEqual(before);
    expect(await repair()).toEqual(preview);
    expect(await projections()).toEqual(before);
    await expectAgreement(books);
    expect(await books.repair.preview(entity)).toMatchObject({ changed: 0 });
  });

  it('reports what it changed, before and after, to the caller and to the audit log', async () => {
    const before = await spendOf(books, entity);
    await tamper(
      `update entity_spend set cost_picos = 1, burnt_picos = 1, overage_picos = 0 where entity = $1`,
    );
    const { changes } = await repair();
    const [cost, burnt] = before.split(/ [=+] /);
    expect(changes).toEqual([
      {
        projection: 'entity_spend',
        key: { entity, period: '2026-11' },
        before: { cost_picos: '1', burnt_picos: '1' },
        after: { cost_picos: cost, burnt_picos: burnt },
      },
    ]);
    const { rows } = await books.postgres.pool.query(
      `select actor, after from audit_log where entity = $1 and action = 'reconciliation.repair'`,
      [entity],
    );
    expect(rows).toEqual([{ actor: 'key_test', after: { changes } }]);
  });

  it('loses nothing that is booked while it runs', async () => {
    await tamper(`update usage_hourly set cost_picos = cost_picos + 1 where entity = $1`);
    const event = () => anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt: books.clock.now() });
    await Promise.all([
      ...Array.from({ length: 8 }, () => books.recorder.record([event(), event()])),
      repair(),
      repair(),
    ]);
    expect(await books.repair.preview(entity)).toMatchObject({ changed: 0 });
    await expectAgreement(books);
  });

  it('counts for the next quota decision', async () => {
    const subject = { entity, project: 'p' as ProjectName };
    await buy(books, entity, 2_000n);
    const event = () => anEvent({ subject: `${entity}/p`, model: MODEL, occurredAt: books.clock.now() });
    await books.recorder.record(Array.from({ length: 10 }, event));
    await tamper(
      `update credit_grants set remaining_picos = remaining_picos + burnt_picos, burnt_picos = 0 where entity = $1`,
      `update entities set version = version + 1 where name = $1`,
    );
    await books.quota.publish([subject]);
    expect((await books.quota.check(subject)).allowed).toBe(true);
    await repair();
    await books.quota.publish([subject]);
    expect((await books.quota.check(subject)).allowed).toBe(false);
    await expectAgreement(books);
  });

  it('refuses an unknown entity', async () => {
    await expect(books.repair.preview('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('refuses a ledger that is not as it was written, before it rebuilds grants from it', async () => {
    const before = await projections();
    await tamper(
      `update ledger_entries set amount_picos = amount_picos + 1 where entity = $1 and kind = 'void'`,
    );
    await expect(repair()).rejects.toThrow(/ledger of .* is not as it was written, from entry \d+ on/);
    await expect(books.repair.preview(entity)).rejects.toThrow(/not as it was written/);
    expect(await projections()).toEqual(before);
    await tamper(
      `update ledger_entries set amount_picos = amount_picos - 1 where entity = $1 and kind = 'void'`,
    );
    await expectAgreement(books);
  });
});
