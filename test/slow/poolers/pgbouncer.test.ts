/** PgBouncer with its default settings: it refuses startup options, and gives a session to the next client. */
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { anApp } from '../../support/app.js';
import { corePath, TURN } from '../../support/core-path.js';
import { aDatabase } from '../../support/database.js';
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../../support/pgbouncer.js';
import { aRedis } from '../../support/redis.js';
import { startService } from '../../support/service-process.js';
import { TestClock } from '../../support/test-clock.js';
import { until } from '../../support/until.js';
import { usage } from '../faults/usage.js';

/** The first version that keeps prepared statements. */
const PREPARES_FROM = 1_021;

const version = await findPgBouncer();
if (version === null && process.env['CI'] !== undefined)
  throw new Error('CI installs PgBouncer, and it is not here');
const keepsPrepared = version !== null && version >= PREPARES_FROM;
const withPgBouncer = version === null ? [] : [version];

type Case = { name: string; settings: string[]; prepare: 'on' | 'off' };
const CASES: Case[] = [
  {
    name: 'transaction mode, without prepared statements',
    settings: ['pool_mode = transaction', ...(keepsPrepared ? ['max_prepared_statements = 0'] : [])],
    prepare: 'off',
  },
  { name: 'session mode', settings: ['pool_mode = session'], prepare: 'on' },
  ...(keepsPrepared
    ? [{ name: 'transaction mode', settings: ['pool_mode = transaction'], prepare: 'on' as const }]
    : []),
];

const poolers: PgBouncer[] = [];
afterEach(async () => {
  for (const pooler of poolers.splice(0)) await pooler.stop();
});
async function through(databaseUrl: string, settings: string[]): Promise<string> {
  const pooler = await startPgBouncer(databaseUrl, { settings });
  poolers.push(pooler);
  return pooler.url;
}

/** What each of so many of the pooler's sessions has by itself, in the words of its transactions. */
async function sessionsBehind(url: string, count: number): Promise<unknown[]> {
  const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: url }));
  try {
    await Promise.all(clients.map((client) => client.connect()));
    await Promise.all(clients.map((client) => client.query('begin')));
    const answers = await Promise.all(
      clients.map((client) =>
        client.query(`select current_user = session_user as own, current_setting('search_path') as path,
                        current_setting('statement_timeout') as timeout`),
      ),
    );
    return answers.flatMap(({ rows }) => rows as unknown[]);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

const ADVISORY = `select from pg_locks where locktype = 'advisory'
  and database = (select oid from pg_database where datname = current_database())`;

describe.each(withPgBouncer)('behind PgBouncer %d', () => {
  it.each(CASES)(
    'in $name, and in another time zone, everything is as it is without, and no session keeps anything of ours',
    async ({ settings, prepare }) => {
      const clock = () => new TestClock(new Date(TURN));
      const direct = await anApp({ role: 'all', clock: clock() });
      const seen = await corePath(direct);
      await direct.close();
      let url = '';
      const pooled = await anApp({
        role: 'all',
        clock: clock(),
        postgres: { timezone: 'America/New_York' },
        environment: { DATABASE_PREPARE: prepare },
        through: async (databaseUrl) => (url = await through(databaseUrl, settings)),
      });
      try {
        expect(await corePath(pooled)).toEqual(seen);
        const usual = { own: true, path: '"$user", public', timeout: '0' };
        expect(await sessionsBehind(url, 3)).toEqual([usual, usual, usual]);
        await until('no lock is left', async () => {
          return (await pooled.postgres.pool.query(ADVISORY)).rows.length === 0;
        });
      } finally {
        await pooled.close();
      }
    },
  );

  it.each(['transaction', 'session'])(
    'in %s mode two services make a schema of their own in an empty database, work in it with the rights of their role, and leave no lock',
    async (mode) => {
      const [database, redis] = await Promise.all([aDatabase({ template: 'template0' }), aRedis()]);
      const url = await through(database.url, [`pool_mode = ${mode}`, 'default_pool_size = 40']);
      const options = {
        databaseUrl: `${url}?schema=billing`,
        redisUrl: redis.url,
        environment: { DATABASE_PREPARE: 'off', DATABASE_POOL_SIZE: '3' },
      };
      const services = await Promise.all([
        startService({ ...options, role: 'api' }),
        startService({ ...options, role: 'worker' }),
      ]);
      try {
        const [api] = services;
        await api.call('PUT /v1/admin/entities/pooled', { body: { plan: 'free' } });
        const bought = await api.call('POST /v1/admin/entities/pooled/credits', {
          body: { amount_usd: '5' },
        });
        expect(bought.status).toBe(201);
        await api.call('POST /v1/usage/events', { body: usage('pooled', 20) });
        await until('all are counted', async () => {
          const { rows } = await database.pool.query('select from billing.usage_events');
          return rows.length === 20;
        });
        expect((await api.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
        const { rows } = await database.pool.query(`select from pg_tables where schemaname = 'public'`);
        expect(rows).toEqual([]);
        for (const service of services) {
          expect(service.log()).toContain('a pooler is in front of postgres');
          expect(service.log()).not.toContain('works as the owner');
          expect(await service.stop()).toBe('exit code 0');
        }
        expect((await database.pool.query(ADVISORY)).rows).toEqual([]);
      } finally {
        await Promise.all(services.map((service) => service.kill()));
        await redis.stop();
        await database.drop();
      }
    },
  );
});
