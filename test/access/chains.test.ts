import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { insertAuditEntry } from '../../src/access/audit-log.js';
import { checkChains, headText, parseHeadText, verifyHead } from '../../src/access/chains.js';
import { CHAINED_LOGS, findHeads, type ChainedLog } from '../../src/access/chains.sql.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { buy } from '../support/correcting.js';
import { tampered as afterTampering } from '../support/tampering.js';

let books: Books;
const entity = 'entity1';

const audit = (of: string | null, at = books.clock.now()) =>
  books.database.transaction((tx) =>
    insertAuditEntry(tx, {
      at,
      actor: 'test',
      action: 'test',
      entity: of,
      target: 'x',
      before: { limit: '1', nested: { a: null } },
      after: { limit: '2' },
    }),
  );

/** An entity with ledger entries, bulk posting among them, and audit entries beside it and for nobody. */
beforeAll(async () => {
  books = await theBooks();
  for (let purchase = 0; purchase < 4; purchase += 1)
    await buy(books, entity, 100_000_000n, { reference: `inv_${purchase}` });
  const occurredAt = books.clock.now();
  for (let event = 0; event < 3; event += 1) {
    await books.recorder.record([anEvent({ subject: `${entity}/p`, occurredAt })]);
    books.clock.advance(3_600_000);
  }
  await books.posting.post();
  for (let entry = 0; entry < 3; entry += 1) {
    await audit(entity);
    await audit(null);
  }
});
afterAll(() => books.close());

/** The names of the checks that do not hold. */
async function failing(): Promise<string[]> {
  const checks = await books.database.transaction((tx) =>
    checkChains(tx, { buckets: { from: '0000', to: 'ffff' }, differencesMax: 10 }),
  );
  return checks.filter(({ differences }) => differences.length > 0).map(({ name }) => name);
}

const CHECK: Record<ChainedLog, string> = {
  audit_log: 'audit entries follow one another as they were written',
  ledger_entries: 'ledger entries follow one another as they were written',
};

const tampered = <T>(statements: readonly string[], look: () => Promise<T>): Promise<T> =>
  afterTampering(books.postgres, { tables: [...CHAINED_LOGS, 'chain_heads'], statements, look });

/** The chains that are tried: of an entity's ledger, of its audit entries, and of those that concern nobody. */
const CHAINS: [string, ChainedLog, () => string][] = [
  ['the ledger', 'ledger_entries', () => `entity = '${entity}'`],
  ['the audit log of an entity', 'audit_log', () => `entity = '${entity}'`],
  ['the audit log of no entity', 'audit_log', () => `entity is null`],
];

const nth = (log: string, where: string, n: number) =>
  `(select id from ${log} where ${where} order by id offset ${n} limit 1)`;
const lastOf = (log: string, where: string) => `(select max(id) from ${log} where ${where})`;

describe.each(CHAINS)('in %s the reconciliation finds', (_, log, where) => {
  const CONTENT = log === 'audit_log' ? `actor = 'nobody'` : `amount_picos = amount_picos + 1`;

  it.each<[string, () => string[]]>([
    ['a changed first entry', () => [`update ${log} set ${CONTENT} where id = ${nth(log, where(), 0)}`]],
    [
      'a changed entry in the middle',
      () => [`update ${log} set ${CONTENT} where id = ${nth(log, where(), 1)}`],
    ],
    ['a changed last entry', () => [`update ${log} set ${CONTENT} where id = ${lastOf(log, where())}`]],
    [
      'a changed entry with a hash that fits its content',
      () => [
        `update ${log} set ${CONTENT} where id = ${nth(log, where(), 1)}`,
        `update ${log} e set hash = chain_hash((select hash from ${log} where id = ${nth(log, where(), 0)}), e)
         where id = ${nth(log, where(), 1)}`,
      ],
    ],
    ['the loss of the first entry', () => [`delete from ${log} where id = ${nth(log, where(), 0)}`]],
    ['the loss of an entry in the middle', () => [`delete from ${log} where id = ${nth(log, where(), 1)}`]],
    ['the loss of the last entry', () => [`delete from ${log} where id = ${lastOf(log, where())}`]],
    ['the loss of all entries', () => [`delete from ${log} where ${where()}`]],
    [
      'two entries that changed places',
      () => {
        const [first, second] = [nth(log, where(), 0), nth(log, where(), 1)];
        return [
          `create temporary table places on commit drop as select ${first} as first, ${second} as second`,
          `update ${log} set id = -1 from places where id = first`,
          `update ${log} set id = first from places where id = second`,
          `update ${log} set id = second from places where id = -1`,
        ];
      },
    ],
    [
      'an entry that was slipped in',
      () => [
        `insert into ${log} select (jsonb_populate_record(e, '{"id": 0}')).* from ${log} e where id = ${nth(log, where(), 1)}`,
      ],
    ],
    [
      'an entry that was added at the end, with a hash that fits',
      () => [
        `insert into ${log} select (jsonb_populate_record(e, jsonb_build_object('id', id + 1000000, 'booked_hour', null))).*
         from ${log} e where id = ${lastOf(log, where())}`,
        `update ${log} e set hash = chain_hash((select hash from ${log} where id = e.id - 1000000), e)
         where id = ${lastOf(log, where())}`,
      ],
    ],
    [
      'a head that was set back with the last entry',
      () => [
        `delete from ${log} where id = ${lastOf(log, where())}`,
        `update chain_heads h set last_id = ${lastOf(log, where())}
         where log = '${log}' and entity = coalesce((select entity from ${log} where ${where()} limit 1), '')`,
      ],
    ],
    [
      'the loss of the head',
      () => [
        `delete from chain_heads
         where log = '${log}' and entity = coalesce((select entity from ${log} where ${where()} limit 1), '')`,
      ],
    ],
  ])('%s', async (__, statements) => {
    expect(await tampered(statements(), failing)).toContain(CHECK[log]);
    expect(await failing()).toEqual([]);
  });

  it('a changed value in any of its columns', async () => {
    const { rows } = await books.postgres.pool.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> 'hash' order by attnum`,
      [log],
    );
    const other: Record<string, string> = {
      text: `coalesce(X, '') || 'x'`,
      bigint: `coalesce(X, 0) + 1000000`,
      numeric: `coalesce(X, 0) + 1`,
      jsonb: `jsonb_build_object('other', X)`,
      'timestamp with time zone': `coalesce(X, now()) + interval '1 millisecond'`,
    };
    expect(rows.length).toBeGreaterThan(7);
    for (const { name, type } of rows) {
      const value = other[type]?.replaceAll('X', name);
      expect([name, value]).toEqual([name, expect.any(String)]);
      const sql = `update ${log} set ${name} = ${value} where id = ${nth(log, where(), 1)}`;
      expect([name, await tampered([sql], failing)]).toEqual([name, expect.arrayContaining([CHECK[log]])]);
    }
  });

  it('names the entity and the entry, and no other', async () => {
    const sql = `update ${log} set ${CONTENT} where id = ${nth(log, where(), 1)}`;
    const { rows } = await books.postgres.pool.query(
      `select id, coalesce(entity, '') as entity from ${log} where id = ${nth(log, where(), 1)}`,
    );
    const differences = await tampered([sql], async () => {
      const { checks } = await books.reconciliation.run();
      return checks.find(({ name }) => name === CHECK[log])!.differences;
    });
    expect(differences).toEqual([
      {
        key: { entity: rows[0].entity, entry: rows[0].id },
        left: expect.stringMatching(/^[0-9a-f]{64}$/),
        right: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  /** The owner of the tables can rewrite the whole chain. */
  const forgedTail = () => [
    `update ${log} set ${CONTENT} where id = ${nth(log, where(), 1)}`,
    `do $do$
     declare r record; v bytea := (select hash from ${log} where id = ${nth(log, where(), 0)});
     begin
       for r in select e from ${log} e where ${where()} and id > ${nth(log, where(), 0)} order by id loop
         v := chain_hash(v, r.e);
         update ${log} set hash = v where id = (r.e).id;
         update chain_heads set hash = v where log = '${log}' and entity = coalesce((r.e).entity, '');
       end loop;
     end $do$`,
  ];

  it('nothing in a tail that was forged as a whole, but a head from before shows it', async () => {
    const [head] = await books.database.transaction((tx) =>
      findHeads(tx, { entity: where().includes('null') ? '' : entity, log, after: null, limit: 1 }),
    );
    const text = headText(head!);
    const verdict = () => books.database.transaction((tx) => verifyHead(tx, parseHeadText(text)!));
    expect(await verdict()).toBe('stands');
    expect(await tampered(forgedTail(), async () => [await failing(), await verdict()])).toEqual([
      expect.not.arrayContaining([CHECK[log]]),
      'changed',
    ]);
    const shorter = [
      `delete from ${log} where id = ${lastOf(log, where())}`,
      `update chain_heads set entries = entries - 1, last_id = e.id, hash = e.hash
       from ${log} e where e.id = ${lastOf(log, where())} and log = '${log}' and chain_heads.entity = coalesce(e.entity, '')`,
    ];
    expect(await tampered(shorter, verdict)).toBe('missing');
    const before = [`update ${log} set ${CONTENT} where id = ${nth(log, where(), 0)}`];
    expect(await tampered(before, verdict)).toBe('broken');
    await audit(entity);
    await audit(null);
    expect(await verdict()).toBe('stands');
  });
});
