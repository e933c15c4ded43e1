/** The service as a process of its own, with two customers who have something of everything. */
import { readFileSync } from 'node:fs';
import { Database } from '../../../src/platform/database.js';
import { loadQuotaStates } from '../../../src/quota/quota-state.sql.js';
import type { EntityName } from '../../../src/domain/ids.js';
import { periodEnd, type Period } from '../../../src/domain/period.js';
import { connectRedis } from '../../support/redis-connection.js';
import { ADMIN_KEY } from '../../support/app.js';
import { aDatabase, type TestDatabase } from '../../support/database.js';
import { pauseUpkeep } from '../../support/paused-upkeep.js';
import { aRedis } from '../../support/redis.js';
import { startService, type ServiceProcess } from '../../support/service-process.js';
import { aTestQueue } from '../../support/usage-queue.js';
import { aWholeCustomer, type WholeCustomer } from '../../support/whole-customer.js';

export type World = {
  readonly service: ServiceProcess;
  readonly customers: readonly WholeCustomer[];
  /** By what they may do. Nobody revokes the admin's: it is the last one that does not expire. */
  readonly keys: ReadonlyMap<string, string>;
  /** From then on the service does only what it is asked to do. */
  pauseUpkeep(): Promise<void>;
  /**
   * What is kept, as sums over the rows of each table, and how many jobs wait: but for refused attempts, when a key was last used, and jobs that
   * are dry runs.
   */
  kept(): Promise<Record<string, string>>;
  /** What the process holds of the machine's memory. */
  memoryBytes(): number;
  /** Waits until all usage is counted, and all jobs have ended. */
  settled(): Promise<void>;
  /** What reconciliation finds wrong. */
  differences(): Promise<unknown[]>;
  /** Where the states in Redis say something else than Postgres. */
  staleStates(): Promise<unknown[]>;
  close(): Promise<void>;
};

export async function aWorld(): Promise<World> {
  const [postgres, redis] = await Promise.all([aDatabase(), aRedis()]);
  const service = await startService({ role: 'all', databaseUrl: postgres.url, redisUrl: redis.url });
  const queue = await aTestQueue(redis.url, { mayDie: false });
  const database = new Database({ url: postgres.serviceUrl });
  const connection = connectRedis(redis.url, 'patient');
  const of = { app: service, now: new Date().toISOString(), mails: false };
  const customers = [
    await aWholeCustomer(of, { entity: 'entity1', marker: 'ownmark', digits: '6154' }),
    await aWholeCustomer(of, { entity: 'entity2', marker: 'othermark', digits: '7283' }),
  ];
  const keys = await keysOf(service, customers);
  return {
    service,
    customers,
    keys,
    pauseUpkeep: () => pauseUpkeep(redis.url),
    async kept() {
      return { ...(await sumsOf(postgres)), waiting: String(await queue.openCount()) };
    },
    memoryBytes: () => memoryOf(service.pid),
    async settled() {
      // Whoever may ask anything may have paused it.
      await service.call('POST /v1/admin/queue/resume');
      await queue.drained();
    },
    async differences() {
      const { body } = await service.call('GET /v1/admin/reconciliation');
      return body.checks.filter(({ ok }: { ok: boolean }) => !ok);
    },
    async staleStates() {
      const stale: unknown[] = [];
      for (const key of await connection.keys('tally:{*}:state')) {
        const facts = await connection.hget(key, 'facts');
        if (facts === null) continue;
        const known = JSON.parse(facts) as Record<string, unknown>;
        const subjects = [{ entity: known['entity'] as EntityName, project: null }];
        // A state stays that of its month when the next one has begun.
        const endMs = periodEnd(known['period'] as Period).getTime();
        const at = new Date(Math.min(Date.now(), endMs - 1));
        const [state] = await loadQuotaStates(database.reader, { subjects, at });
        const expected: unknown = JSON.parse(
          JSON.stringify(state, (_, value) =>
            typeof value === 'bigint' ? String(value) : (value as unknown),
          ),
        );
        const differing = COMPARED.filter((field) => known[field] !== (expected as typeof known)[field]);
        if (differing.length > 0) stale.push({ key, differing, known, expected });
      }
      return stale;
    },
    async close() {
      await service.kill();
      await queue.close();
      connection.disconnect();
      await database.close();
      await Promise.all([postgres.drop(), redis.stop()]);
    },
  };
}

const COMPARED = [
  'version',
  'mode',
  'period',
  'monthCostPicos',
  'yearCostPicos',
  'monthlyCapPicos',
  'yearlyCapPicos',
  'overage',
  'maxConcurrentRequests',
  'creditsPicos',
  'grantedPicos',
];

async function keysOf(
  service: ServiceProcess,
  customers: readonly WholeCustomer[],
): Promise<Map<string, string>> {
  const keys = new Map([['admin', ADMIN_KEY]]);
  for (const role of ['gateway', 'finance']) {
    const { body } = await service.call('POST /v1/admin/keys', { body: { name: role, role } });
    keys.set(role, body.secret as string);
  }
  for (const { entity, keys: own } of customers)
    for (const [role, secret] of Object.entries(own)) keys.set(`${role} of ${entity}`, secret);
  return keys;
}

/** What is no change of what is kept. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  audit_log: `where action !~ '^access[.]'`,
  chain_heads: `where log <> 'audit_log'`,
  jobs: `where input ->> 'dryRun' is distinct from 'true'`,
};

/** By table: how many rows, and a hash of all of them. */
async function sumsOf({ pool }: TestDatabase): Promise<Record<string, string>> {
  const { rows: tables } = await pool.query<{ name: string }>(`
    select relname as name from pg_class
    where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace order by 1`);
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ sum: string }>(`
      select concat(count(*), ' ', md5(string_agg(row, '' order by row))) as sum
      from (select md5((to_jsonb(t) - 'last_used_at')::text) as row from ${name} t ${LEFT_OUT[name] ?? ''}) r`);
    sums[name] = rows[0]!.sum;
  }
  return sums;
}

function memoryOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}
