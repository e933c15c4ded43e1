import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { insertAuditEntries, insertAuditEntry } from '../../src/access/audit-log.js';
import { Chains, checkChains, parseHeadText, verifyHead } from '../../src/access/chains.js';
import { Logger, type LogFields } from '../../src/platform/logger.js';
import { anApp, type TestApp } from '../support/app.js';
import { runWithoutTriggers } from '../support/tampering.js';

class KeptLog extends Logger {
  readonly kept: string[] = [];
  constructor(private readonly isHeard = true) {
    super('silent');
  }
  override writes(): boolean {
    return this.isHeard;
  }
  override info(_: string, { heads }: LogFields = {}): void {
    this.kept.push(...(heads as string[]));
  }
}

const DAY_MS = 86_400_000;

let app: TestApp;
let now: Date;
beforeAll(async () => {
  app = await anApp();
  now = (await app.postgres.pool.query('select now()')).rows[0].now;
});
afterAll(() => app.close());

const audit = (entity: string | null, at = now) =>
  app.database.transaction((tx) =>
    insertAuditEntry(tx, {
      at,
      actor: 'test',
      action: 'test',
      entity,
      target: null,
      before: null,
      after: null,
    }),
  );
const breaks = async () => {
  const checks = await app.database.transaction((tx) =>
    checkChains(tx, { buckets: { from: '0000', to: 'ffff' }, differencesMax: 10 }),
  );
  return checks.flatMap(({ differences }) => differences);
};
const headsOf = async (entity: string) => {
  const { body } = await app.call(`GET /v1/admin/chains?entity=${entity}&log=audit_log`);
  return body.data;
};
const verdictOf = async (head: string) =>
  (await app.call(`GET /v1/admin/chains?head=${encodeURIComponent(head)}`)).body;

describe('the chains', () => {
  it('hold with several writers at the same time, in one chain and in many', async () => {
    const entities = ['busy', 'quiet', null];
    await Promise.all(Array.from({ length: 60 }, (_, n) => audit(entities[n % 3]!)));
    const many = Array.from({ length: 30 }, (_, n) => ({
      entity: [`many${n % 4}`, null][n % 2]!,
      target: null,
      before: null,
      after: null,
    }));
    const of = { at: now, actor: 'test', action: 'test' };
    await Promise.all(
      [many, many.toReversed(), many, many.toReversed()].map((rows) =>
        app.database.transaction((tx) => insertAuditEntries(tx, rows, of)),
      ),
    );
    expect(await breaks()).toEqual([]);
    expect((await headsOf('busy'))[0]).toMatchObject({ object: 'chain', entries: 20, pruned: 0 });
  });

  it('have the same hashes whatever the session is set to', async () => {
    const client = new pg.Client({
      connectionString: app.postgres.url,
      options:
        '-c timezone=America/New_York -c datestyle=German -c intervalstyle=sql_standard -c bytea_output=escape -c extra_float_digits=-3',
    });
    await client.connect();
    await client.query(
      `insert into audit_log (at, actor, action, entity, after) values ('2026-11-01 01:30', 'x', 'y', 'zones', '{"a": 1.10}')`,
    );
    const { rows } = await client.query(`
      select e.hash = chain_hash(coalesce(lag(e.hash) over (order by e.id), ''), e) as fits from audit_log e where entity = 'zones'`);
    await client.end();
    expect(rows).toEqual([{ fits: true }]);
    expect(await breaks()).toEqual([]);
  });

  it('take neither an id nor a hash from the writer', async () => {
    const service = new pg.Client({ connectionString: app.postgres.serviceUrl });
    await service.connect();
    await service.query(
      `insert into audit_log (id, at, actor, action, entity, hash) values (-5, now(), 'x', 'y', 'forger', 'mine')`,
    );
    const { rows } = await service.query(
      `select id > 0 as id, length(hash) as hash from audit_log where entity = 'forger'`,
    );
    expect(rows).toEqual([{ id: true, hash: 32 }]);
    for (const sql of [
      `update chain_heads set hash = ''`,
      `delete from chain_heads`,
      `insert into chain_heads (entity, log) values ('x', 'audit_log')`,
      `delete from audit_log`,
    ])
      await expect(service.query(sql)).rejects.toMatchObject({ code: '42501' });
    await service.end();
    expect(await breaks()).toEqual([]);
  });
});

describe('the heads', () => {
  it('are logged once each, and again when they have moved', async () => {
    const log = new KeptLog();
    const chains = new Chains(app.database, log);
    for (let n = 0; n < 120; n += 1) await audit(`logged${n}`);
    const { rows } = await app.postgres.pool.query(
      `select count(*)::integer as count from chain_heads where not logged`,
    );
    expect(rows[0].count).toBeGreaterThanOrEqual(120);
    expect(await chains.logHeads()).toBe(rows[0].count);
    expect(new Set(log.kept).size).toBe(rows[0].count);
    expect(await chains.logHeads()).toBe(0);
    await audit('logged7');
    expect(await chains.logHeads()).toBe(1);
    expect(log.kept.at(-1)).toMatch(/^audit_log:logged7:\d+:[0-9a-f]{64}$/);
    for (const head of log.kept) expect(parseHeadText(head)).not.toBeNull();
  });

  it('wait for a log that is written, and for nobody who writes', async () => {
    await audit('held');
    expect(await new Chains(app.database, new KeptLog(false)).logHeads()).toBe(0);
    const writer = await app.postgres.pool.connect();
    await writer.query('begin');
    await writer.query(`insert into audit_log (at, actor, action, entity) values (now(), 'x', 'y', 'held')`);
    const log = new KeptLog();
    const chains = new Chains(app.database, log);
    await audit('free');
    expect(await chains.logHeads()).toBe(1);
    expect(log.kept[0]).toContain('audit_log:free:');
    await writer.query('commit');
    writer.release();
    expect(await chains.logHeads()).toBe(1);
  });

  it('are listed page by page, by entity and by log', async () => {
    const all: { id: string }[] = [];
    for (let after = ''; ;) {
      const { status, body } = await app.call(`GET /v1/admin/chains?limit=50${after}`);
      expect(status).toBe(200);
      all.push(...body.data);
      if (!body.has_more) break;
      after = `&after=${encodeURIComponent(body.last_id)}`;
    }
    const { rows } = await app.postgres.pool.query('select from chain_heads');
    expect(new Set(all.map(({ id }) => id)).size).toBe(rows.length);
    expect(all.filter(({ id }) => id === 'audit_log:')).toEqual([
      expect.objectContaining({ entity: null, log: 'audit_log' }),
    ]);
    const unknown = await app.call('GET /v1/admin/chains?entity=nobody-knows');
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'not_found']);
  });

  it('are refused where they are not heads, and cursors where they name no chain', async () => {
    const { body } = await app.call('GET /v1/admin/chains?entity=busy');
    const { head } = body.data[0];
    for (const [query, param] of [
      ['head=x', 'head'],
      [`head=${head}0`, 'head'],
      [`head=prices:${head}`, 'head'],
      [`head=${head}&entity=busy`, 'head'],
      ['after=audit_log:nobody-knows', 'after'],
      ['after=busy', 'after'],
      ['log=prices', 'log'],
      ['entity=a/b', 'entity'],
      ['limit=0', 'limit'],
    ]) {
      const { status, body: refusal } = await app.call(`GET /v1/admin/chains?${query}`);
      expect([query, status, refusal.error.param]).toEqual([query, 400, param]);
    }
  });

  it('show what became of them', async () => {
    await audit('verified');
    const [{ head }] = await headsOf('verified');
    await audit('verified');
    expect(await verdictOf(head)).toEqual({
      object: 'chain_verification',
      head,
      ok: true,
      verdict: 'stands',
    });
    expect(await verdictOf(head.replace(/.$/, (digit: string) => (digit === '0' ? '1' : '0')))).toMatchObject(
      {
        ok: false,
        verdict: 'changed',
      },
    );
    expect(await verdictOf(head.replace('verified', 'nobody-knows'))).toMatchObject({
      ok: false,
      verdict: 'missing',
    });
    expect(await verdictOf(head.replace(/:\d+:/, ':999999999:'))).toMatchObject({
      ok: false,
      verdict: 'missing',
    });
  });
});

describe('pruning the audit log', () => {
  const old = (days: number) => new Date(now.getTime() - days * DAY_MS);
  const count = async (entity: string) =>
    (await app.postgres.pool.query('select from audit_log where entity = $1', [entity])).rows.length;

  it('leaves the chain verifiable, again and again', async () => {
    const chains = new Chains(app.database, new KeptLog());
    for (const days of [400, 399, 380, 200, 100, 1]) await audit('pruned', old(days));
    const heads = [];
    for (const before of [old(390), old(390), old(150), old(0)]) {
      heads.push([await chains.pruneAudit({ entity: 'pruned', before }), await count('pruned')]);
      expect(await breaks()).toEqual([]);
    }
    // What is younger than 30 days stays.
    expect(heads).toEqual([
      [2, 4],
      [0, 4],
      [2, 2],
      [1, 1],
    ]);
    await audit('pruned');
    expect(await breaks()).toEqual([]);
    expect((await headsOf('pruned'))[0]).toMatchObject({ entries: 7, pruned: 5 });
  });

  it('leaves a head from before as the start, and says of older ones that they are gone', async () => {
    const chains = new Chains(app.database, new KeptLog());
    const heads: string[] = [];
    for (const days of [400, 399, 398]) {
      await audit('started', old(days));
      heads.push((await headsOf('started'))[0].head);
    }
    await chains.pruneAudit({ entity: 'started', before: new Date(old(398).getTime() - 1) });
    const verdicts = [];
    for (const head of heads)
      verdicts.push(await app.database.transaction((tx) => verifyHead(tx, parseHeadText(head)!)));
    expect(verdicts).toEqual(['pruned', 'stands', 'stands']);
    await chains.pruneAudit({ entity: 'started', before: old(0) });
    expect((await verdictOf(heads[2]!)).verdict).toBe('stands');
    expect(await breaks()).toEqual([]);
  });

  it('is for the oldest entries only: an old one behind a younger one stays with it', async () => {
    const chains = new Chains(app.database, new KeptLog());
    for (const days of [400, 10, 300]) await audit('mixed', old(days));
    expect(await chains.pruneAudit({ entity: 'mixed', before: old(100) })).toBe(1);
    expect(await count('mixed')).toBe(2);
    await audit(null, old(500));
    expect(await chains.pruneAudit({ entity: '', before: old(450) })).toBe(0);
    expect(await chains.pruneAudit({ entity: 'nobody-knows', before: old(0) })).toBe(0);
    expect(await breaks()).toEqual([]);
  });

  it('is the only way to delete, also for the owner of the tables', async () => {
    await audit('kept', old(400));
    await expect(app.postgres.pool.query(`delete from audit_log where entity = 'kept'`)).rejects.toThrow(
      /append only/,
    );
    await runWithoutTriggers(app.postgres, [
      `create table lost as select * from audit_log where entity = 'kept'`,
    ]);
    await new Chains(app.database, new KeptLog()).pruneAudit({ entity: 'kept', before: old(0) });
    expect(await breaks()).toEqual([]);
    // One that was pruned and comes back is no part of the chain.
    await runWithoutTriggers(app.postgres, [`insert into audit_log select * from lost`]);
    expect(await breaks()).toEqual(
      expect.arrayContaining([expect.objectContaining({ key: expect.objectContaining({ entity: 'kept' }) })]),
    );
    await runWithoutTriggers(app.postgres, [
      `delete from audit_log where entity = 'kept'`,
      `drop table lost`,
    ]);
    expect(await breaks()).toEqual([]);
  });
});
