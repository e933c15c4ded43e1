/** The quota on a real Postgres and a real Redis, each behind a wire that a test can cut. */
import type { Redis } from 'ioredis';
import { Changes } from '../../src/access/changes.js';
import { Accounts } from '../../src/accounts/accounts.js';
import { Allowances } from '../../src/credits/allowances.js';
import { Debts } from '../../src/credits/debts.js';
import { Ledger } from '../../src/credits/ledger.js';
import type { EntityName, Subject } from '../../src/domain/ids.js';
import type { Price } from '../../src/domain/price.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { connectRedis, untilReady } from './redis-connection.js';
import { Database, type Tx } from '../../src/platform/database.js';
import type { PrismaClient } from '../../src/platform/prisma/client.js';
import { PriceBook } from '../../src/prices/price-book.js';
import type { QuotaFailMode } from '../../src/quota/postgres-fallback.js';
import type { UnpricedModels } from '../../src/quota/admissions.js';
import { Quota } from '../../src/quota/quota.js';
import { aDatabase } from './database.js';
import { aFaultProxy, through, type FaultProxy } from './fault-proxy.js';
import { anOrder, aSubject, usd, type OrderOverride } from './quota.js';
import { aRedis, type TestRedis } from './redis.js';
import { TestClock } from './test-clock.js';

/** One dollar for an input token and two for an output token, so that holds are easy to add up. */
export const MODEL = 'dollar-model';
const PRICE: Price = {
  id: 1n,
  model: MODEL,
  entity: null,
  effectiveFrom: new Date('2026-01-01T00:00:00Z'),
  firstForMetersFrom: null,
  prices: { input: usd('1'), output: usd('2') },
  variants: [],
  maxInputTokens: 100,
  maxOutputTokens: 10,
};

/** Its batches cost half, its priority three times as much for input, the EU twice as much, and from ten past twelve input costs ten dollars. */
export const TIERED = 'tiered-model';
const TIERED_PRICE: Price = {
  ...PRICE,
  model: TIERED,
  variants: [
    { when: { serviceTier: 'batch' }, prices: { input: usd('0.5'), output: usd('1') }, multiplier: null },
    { when: { serviceTier: 'priority' }, prices: { input: usd('3') }, multiplier: null },
    { when: { promptTokensAbove: 50 }, prices: { input: usd('4') }, multiplier: null },
    { when: { region: 'eu' }, prices: {}, multiplier: { numerator: 2n, denominator: 1n } },
    { when: { utc: [{ fromMinute: 730, toMinute: 780 }] }, prices: { input: usd('10') }, multiplier: null },
  ],
};
const PRICES = [PRICE, TIERED_PRICE, { ...PRICE, model: 'another' }];

/** Asks Postgres nothing, so that a test counts only the quota's statements. */
class FixedPrices extends PriceBook {
  override priceAtHand(): undefined {}

  override async priceFor({ model }: { model: string }): Promise<Price | null> {
    return PRICES.find((price) => price.model === model) ?? null;
  }
}

/** Counts what its user reads. */
class WatchedDatabase extends Database {
  queryCount = 0;
  runningCount = 0;
  private readonly watched = (super.reader as PrismaClient).$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        this.queryCount += 1;
        this.runningCount += 1;
        try {
          return (await query(args)) as unknown;
        } finally {
          this.runningCount -= 1;
        }
      },
    },
  });

  override get reader(): Tx {
    return this.watched as unknown as Tx;
  }
}

export type QuotaServers = {
  readonly clock: TestClock;
  readonly quota: Quota;
  /** Connected to the server directly, whatever the wire does. */
  readonly admin: Database;
  readonly redis: Redis;
  readonly redisServer: TestRedis;
  readonly wires: { readonly postgres: FaultProxy; readonly redis: FaultProxy };
  /** How many statements the service has sent to Postgres, outside of transactions. */
  queryCount(): number;
  /** Whether the service waits for Postgres now. */
  isAskingPostgres(): boolean;
  /** Another process of the same service. */
  another(failMode: QuotaFailMode, unpricedModels?: UnpricedModels): Promise<Quota>;
  /** The verdict in a word: `allowed`, `credits: final` or `concurrency: retry`, with `~` before it where it is degraded. */
  reserve(order?: OrderOverride): Promise<string>;
  check(subject?: string): Promise<string>;
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Redis answers again, and so does Postgres, which is not asked for a second after it was unavailable: that has passed. */
  recover(): Promise<void>;
  close(): Promise<void>;
};

export async function quotaServers(failMode: QuotaFailMode = 'closed'): Promise<QuotaServers> {
  const [testDatabase, redisServer] = await Promise.all([aDatabase(), aRedis()]);
  const wires = {
    postgres: await aFaultProxy(new URL(testDatabase.url)),
    redis: await aFaultProxy(new URL(redisServer.url)),
  };
  const clock = new TestClock();
  const admin = new Database({ url: testDatabase.serviceUrl });
  const opened: { database: WatchedDatabase; redis: Redis }[] = [];

  async function open(
    mode: QuotaFailMode,
    unpricedModels: UnpricedModels = 'deny',
  ): Promise<{ quota: Quota; redis: Redis }> {
    const database = new WatchedDatabase({ url: through(wires.postgres, testDatabase.serviceUrl) });
    const redis = connectRedis(through(wires.redis, redisServer.url), 'impatient');
    await untilReady(redis);
    opened.push({ database, redis });
    const prices = new FixedPrices(database, clock, new Changes(database));
    const quota = new Quota(
      new RedisNodes(redis),
      database,
      clock,
      prices,
      new Allowances(new Accounts(), new Debts(new Ledger(database))),
      mode,
      unpricedModels,
    );
    return { quota, redis };
  }

  const { quota, redis } = await open(failMode);
  await testDatabase.pool.query(
    `insert into plans (name, monthly_cap_picos, overage) values ('free', ${usd('100')}, 'blocked')`,
  );
  return {
    clock,
    quota,
    admin,
    redis,
    redisServer,
    wires,
    queryCount: () => opened.reduce((sum, { database }) => sum + database.queryCount, 0),
    isAskingPostgres: () => opened.some(({ database }) => database.runningCount > 0),
    another: async (mode, unpricedModels) => (await open(mode, unpricedModels)).quota,
    reserve: (order) => reserveInAWord(quota, order),
    check: async (subject) => inAWord(await quota.check(aSubject(subject))),
    sql: async (text, values = []) => (await testDatabase.pool.query(text, [...values])).rows,
    async recover() {
      await wires.redis.mend();
      await wires.postgres.mend();
      await untilReady(redis);
      clock.advance(1_000);
    },
    async close() {
      for (const { database, redis } of opened) {
        redis.disconnect();
        await database.close();
      }
      await admin.close();
      await Promise.all([wires.postgres.close(), wires.redis.close()]);
      await Promise.all([testDatabase.drop(), redisServer.stop()]);
    },
  };
}

export async function reserveInAWord(quota: Quota, order?: OrderOverride): Promise<string> {
  return inAWord(await quota.reserve(anOrder({ model: MODEL, ...order })));
}

function inAWord(decision: Awaited<ReturnType<Quota['check' | 'reserve']>>): string {
  const mark = decision.degraded ? '~' : '';
  if (decision.allowed) return `${mark}allowed`;
  return `${mark}${decision.denial.limit}: ${decision.denial.retryable ? 'retry' : 'final'}`;
}

/** Creates the entity where it does not exist, grants it credits, and raises its version as every committed change does. */
export async function giveCredits(
  on: Pick<QuotaServers, 'sql'>,
  { entity = 'entity1', credits = '10', effectiveAt = '2026-01-01', expiresAt = null as string | null } = {},
): Promise<EntityName> {
  await on.sql(
    `insert into entities (name, plan, version, created_at) values ($1, 'free', 1, now())
     on conflict (name) do update set version = entities.version + 1`,
    [entity],
  );
  await on.sql(
    `insert into credit_grants (
       entity, id, lot, category, priority, amount_picos, remaining_picos, effective_at, expires_at, created_at
     )
     select $1, 'grant_' || gen_random_uuid(), count(*) + 1, 'paid', 50, $2, $2, $3, $4, '2026-01-01' from credit_grants where entity = $1`,
    [entity, String(usd(credits)), effectiveAt, expiresAt],
  );
  return entity as EntityName;
}

/** The project `p` of a new entity with credits. */
export async function aCustomer(
  on: Pick<QuotaServers, 'sql'>,
  { entity, credits = '10' }: { entity: string; credits?: string | undefined },
): Promise<Subject> {
  await giveCredits(on, { entity, credits });
  return aSubject(`${entity}/p`);
}

/** Books a cost as the recorder does: spend, credits and version in one commit. */
export async function spend(on: Pick<QuotaServers, 'sql'>, subject: Subject, amount: string): Promise<void> {
  const { entity, project } = subject;
  const picos = String(usd(amount));
  await on.sql(
    `with e as (update entities set version = version + 1 where name = $1),
     g as (update credit_grants set remaining_picos = remaining_picos - $3::numeric, burnt_picos = burnt_picos + $3::numeric where entity = $1),
     s as (insert into entity_spend values ($1, '2026-11', $3::numeric, $3::numeric, 0) on conflict (entity, period) do update
       set cost_picos = entity_spend.cost_picos + excluded.cost_picos, burnt_picos = entity_spend.burnt_picos + excluded.burnt_picos)
     insert into project_spend values ($1, '2026-11', $2, $3::numeric) on conflict (entity, period, project) do update
       set cost_picos = project_spend.cost_picos + excluded.cost_picos`,
    [entity, project, picos],
  );
}
