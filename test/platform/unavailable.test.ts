/** What a real server does when it is unavailable, and the error that a caller sees of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DatabaseError, type PoolClient } from 'pg';
import type { Redis } from 'ioredis';
import { Database } from '../../src/platform/database.js';
import { sqlStateOf } from '../../src/platform/postgres-errors.js';
import { Clock } from '../../src/platform/clock.js';
import { UsageQueue } from '../../src/platform/queues.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { askRedis, isLostConnection } from '../../src/platform/redis-errors.js';
import { isUnavailable, Unavailable } from '../../src/platform/unavailable.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { aFaultProxy, through, type FaultProxy } from '../support/fault-proxy.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('a Postgres', () => {
  let postgres: TestDatabase;
  let wire: FaultProxy;
  let database: Database;
  let holder: PoolClient;
  const opened: Database[] = [];
  const open = (url: string, { connectionsMax = 2, connectMsMax = 10_000 } = {}): Database => {
    const made = new Database({ url, connectionsMax, connectMsMax });
    opened.push(made);
    return made;
  };
  beforeEach(async () => {
    postgres = await aDatabase();
    wire = await aFaultProxy(new URL(postgres.url));
    database = open(through(wire, postgres.url));
    await database.ping();
    holder = await postgres.pool.connect();
    await holder.query('select pg_advisory_lock(1)');
  });
  afterEach(async () => {
    holder.release(true);
    await wire.mend();
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await wire.close();
    await postgres.drop();
  });

  const UNAVAILABLE = { name: 'Unavailable', server: 'postgres' };
  /** Every way to ask it. */
  const asks = (of: Database): Promise<unknown>[] =>
    [
      of.ping(),
      of.reader.plan.findMany(),
      of.transaction((tx) => tx.plan.findMany()),
      of.transaction(async () => {}),
      of.reports.snapshot(),
      of.reports.read((tx) => tx.plan.findMany()),
      of.decisions.reader.plan.findMany(),
    ].map(failureOf);
  /** A statement that ends only with its session: it waits for a lock that nobody lets go. */
  const wait = (tx: Database['reader']) => tx.$queryRaw`select pg_advisory_lock(1)::text`;

  it('that refuses connections is unavailable', async () => {
    await wire.cut();
    for (const failure of await Promise.all(asks(database))) expect(failure).toMatchObject(UNAVAILABLE);
  });

  it('that does not answer a new connection is unavailable', async () => {
    wire.hang();
    for (const failure of await Promise.all(asks(open(through(wire, postgres.url), { connectMsMax: 300 }))))
      expect(failure).toMatchObject(UNAVAILABLE);
  });

  it('that is not found by its name is unavailable', async () => {
    const lost = open(postgres.url.replace(/@[^/]+/, '@nowhere.invalid:5432'));
    for (const failure of await Promise.all(asks(lost))) expect(failure).toMatchObject(UNAVAILABLE);
  });

  it('that refuses our name, or has no such database, is unavailable', async () => {
    const strange = open(postgres.url.replace(/\/\/[^@]+@/, '//nobody:wrong@'));
    expect(await failureOf(strange.ping())).toMatchObject(UNAVAILABLE);
    const missing = open(`${postgres.url}_missing`);
    const failure = await failureOf(missing.ping());
    expect([failure, sqlStateOf(failure)]).toMatchObject([UNAVAILABLE, '3D000']);
  });

  it('whose connection breaks in the middle of a statement is unavailable', async () => {
    for (const ask of [
      () => wait(database.reader),
      () => database.transaction((tx) => wait(tx)),
      () => database.transaction((tx) => tx.plan.findMany().then(() => wait(tx))),
    ]) {
      const failure = failureOf(ask());
      await until('it waits', async () => (await waiting()).length > 0);
      wire.reset();
      expect(await failure).toMatchObject(UNAVAILABLE);
      await endAll();
    }
  });

  it('that ends our session while it shuts down is unavailable', async () => {
    const failure = failureOf(database.transaction((tx) => wait(tx)));
    await until('it waits', async () => (await waiting()).length > 0);
    await endAll();
    expect([await failure, sqlStateOf(await failure)]).toMatchObject([UNAVAILABLE, '57P01']);
  });

  it('that has too many connections is unavailable', async () => {
    await postgres.pool.query(`create role guest login password 'guest' connection limit 0`);
    try {
      const guest = open(postgres.url.replace(/\/\/[^@]+@/, '//guest:guest@'));
      const failure = await failureOf(guest.ping());
      expect([failure, sqlStateOf(failure)]).toMatchObject([UNAVAILABLE, '53300']);
    } finally {
      await postgres.pool.query(`drop role guest`);
    }
  });

  it('none of whose connections becomes free in time is unavailable', async () => {
    const busy = open(postgres.url, { connectionsMax: 1, connectMsMax: 300 });
    const failures: unknown[] = [];
    await busy.transaction(async () => {
      const others = [busy.reader.plan.findMany(), busy.transaction(async () => {})];
      failures.push(...(await Promise.all(others.map(failureOf))));
    });
    expect(failures).toHaveLength(2);
    for (const failure of failures) expect(failure).toMatchObject(UNAVAILABLE);
  });

  it('that is asked by a transaction out of time, or by a closed pool, is unavailable', async () => {
    const timeoutMs = 50;
    const slow = failureOf(database.transaction((tx) => wait(tx), { timeoutMs }));
    await until('it waits', async () => (await waiting()).length > 0);
    // Its own timer was set before and runs out first. Prisma reports it after the statement, which ends with the lock.
    await delay(timeoutMs);
    await holder.query('select pg_advisory_unlock(1)');
    expect(await slow).toMatchObject(UNAVAILABLE);
    await database.close();
    expect(await failureOf(database.ping())).toMatchObject(UNAVAILABLE);
  });

  it('that refuses what we ask is not unavailable', async () => {
    for (const mistake of [
      database.reader.$queryRaw`select 1 / 0`,
      database.reader.$queryRaw`select * from nowhere`,
      database.transaction((tx) => tx.$queryRaw`select 'x'::bigint`),
      database.transaction(async () => Promise.reject(new Error('Connection terminated'))),
      database.reader.plan.create({ data: { name: 'a', overage: 'nonsense' } }),
    ]) {
      const failure = await failureOf(mistake);
      expect([failure instanceof Error, isUnavailable(failure)]).toEqual([true, false]);
    }
  });

  const waiting = async (): Promise<number[]> => {
    const { rows } = await postgres.pool.query<{ pid: number }>(
      `select l.pid from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and d.datname = current_database() and not l.granted`,
    );
    return rows.map(({ pid }) => pid);
  };
  /** Ends every session that waits, and returns when none is left: a session that was told to end still shows for a while. */
  const endAll = async (): Promise<void> => {
    await until('none waits', async () => {
      const pids = await waiting();
      // By then the process may have ended, and another test's session have its id.
      await postgres.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where pid = any($1) and datname = current_database()`,
        [pids],
      );
      return pids.length === 0;
    });
  };
});

describe('a Redis', () => {
  let server: TestRedis;
  let wire: FaultProxy;
  let redis: Redis;
  beforeEach(async () => {
    server = await aRedis();
    wire = await aFaultProxy(new URL(server.url));
    redis = connectRedis(through(wire, server.url), 'impatient');
    await untilReady(redis);
  });
  afterEach(async () => {
    redis.disconnect();
    await wire.close();
    await server.stop();
  });

  const UNAVAILABLE = { name: 'Unavailable', server: 'redis' };
  const ping = () => failureOf(askRedis(redis.ping()));

  it('that breaks the connection under a command, and one that refuses the next, is unavailable', async () => {
    const queue = new UsageQueue(new RedisNodes(redis), new Clock());
    await queue.add([{}]);
    const blocked = failureOf(askRedis(redis.blpop('nothing', 0)));
    await wire.cut();
    expect(await blocked).toMatchObject(UNAVAILABLE);
    expect(await ping()).toMatchObject(UNAVAILABLE);
    expect(await failureOf(queue.add([{}]))).toMatchObject(UNAVAILABLE);
    await queue.close();
  });

  it('that does not answer is unavailable when the time is over', async () => {
    redis.options.commandTimeout = 100;
    wire.hang();
    expect(await ping()).toMatchObject(UNAVAILABLE);
  });

  it('whose connection we have closed is unavailable', async () => {
    redis.disconnect();
    expect(await ping()).toMatchObject(UNAVAILABLE);
  });

  it('that is loading its data, has no memory left, or takes no writes, is unavailable', async () => {
    const set = () => failureOf(askRedis(redis.set('key', 'value')));
    await redis.config('SET', 'maxmemory', '1');
    expect(await set()).toMatchObject({ ...UNAVAILABLE, reason: expect.stringMatching(/^OOM /) });
    await redis.config('SET', 'maxmemory', '0');
    await redis.replicaof('127.0.0.1', '1');
    expect(await set()).toMatchObject({ ...UNAVAILABLE, reason: expect.stringMatching(/^READONLY /) });
    await redis.replicaof('NO', 'ONE');
    const load = redis.eval(`return redis.error_reply('LOADING Redis is loading the dataset in memory')`, 0);
    expect(await failureOf(askRedis(load))).toMatchObject({
      ...UNAVAILABLE,
      reason: expect.stringMatching(/^LOADING /),
    });
    expect(await set()).toBe('OK');
  });

  it('that refuses what we ask is not unavailable', async () => {
    await redis.set('text', 'x');
    const failure = await failureOf(askRedis(redis.hget('text', 'field')));
    expect([failure instanceof Error, isUnavailable(failure)]).toEqual([true, false]);
  });

  it('whose connection is lost is told from an error about a job', async () => {
    const emitted: Error[] = [];
    const patient = connectRedis(through(wire, server.url), 'patient');
    patient.on('error', (error) => emitted.push(error));
    await untilReady(patient);
    await wire.cut();
    await until('it has noticed', async () => emitted.length > 0);
    patient.disconnect();
    expect(emitted.every(isLostConnection)).toBe(true);
    expect(isLostConnection(new Error('Missing lock for job 1'))).toBe(false);
  });
});

it('says in the words of its cause why a server is unavailable', () => {
  const { message, reason } = new Unavailable('postgres', new DatabaseError('shutting down', 1, 'error'));
  expect([message, reason]).toEqual(['Postgres is unavailable: shutting down', 'shutting down']);
});
