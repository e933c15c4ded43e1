/** Tally as it is operated: processes of its own over one Postgres and one Redis, each reached through wires that a test can break. */
import pg from 'pg';
import { ADMIN_KEY, callerOf, type Answer, type CallOptions } from './app.js';
import type { Role } from '../../src/config.js';
import { aDatabase, type TestDatabase } from './database.js';
import { aFaultProxy, through, type FaultProxy } from './fault-proxy.js';
import { aRedis, type TestRedis } from './redis.js';
import { startService, type ServiceProcess } from './service-process.js';
import { aShardedQueue, type ShardedQueue } from './usage-queue.js';

/** One machine: it can be lost and replaced, and its wires break without the others noticing. */
export type Machine = {
  readonly role: Role;
  readonly wires: { readonly postgres: FaultProxy; readonly redis: FaultProxy };
  readonly service: ServiceProcess;
  /** Starts the service again where it has ended. */
  revive(): Promise<void>;
};

export type Installation = {
  readonly redis: TestRedis;
  readonly queue: ShardedQueue;
  readonly machines: readonly Machine[];
  start(role: Role): Promise<Machine>;
  /** Straight to Postgres, whatever the wires do. */
  readonly sql: <Row = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
  /** Asks the first machine that serves the API. */
  call(request: string, options?: CallOptions): Promise<Answer>;
  /** What the reconciliation finds wrong with the books. */
  differences(): Promise<unknown[]>;
  /** Mends all wires and lets everybody who stands still go on. */
  mend(): Promise<void>;
  close(): Promise<void>;
};

/** `postgres` stands in for a database of the run's server: it is not dropped at the end. */
export async function anInstallation(
  options: {
    postgres?: Pick<TestDatabase, 'url' | 'drop'>;
    environment?: Record<string, string>;
    shards?: number;
  } = {},
): Promise<Installation> {
  const [postgres, redis] = await Promise.all([options.postgres ?? aDatabase(), aRedis()]);
  const { shards = 1 } = options;
  const queue = await aShardedQueue(redis.url, shards);
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 });
  pool.on('error', () => {});
  const machines: Machine[] = [];

  async function start(role: Role): Promise<Machine> {
    const wires = {
      postgres: await aFaultProxy(new URL(postgres.url)),
      redis: await aFaultProxy(new URL(redis.url)),
    };
    const run = () =>
      startService({
        role,
        environment: { QUEUE_SHARDS: String(shards), ...options.environment },
        databaseUrl: through(wires.postgres, postgres.url),
        redisUrl: through(wires.redis, redis.url),
      });
    let service = await run();
    let starting: Promise<void> | null = null;
    const startAgain = async () => {
      service = await run();
    };
    const machine: Machine = {
      role,
      wires,
      get service() {
        return service;
      },
      async revive() {
        if (service.isRunning) return;
        // Two who find it dead start one.
        starting ??= startAgain().finally(() => (starting = null));
        await starting;
      },
    };
    machines.push(machine);
    return machine;
  }

  const call: Installation['call'] = (request, callOptions) => {
    const api = machines.find(({ role, service }) => role !== 'worker' && service.isRunning);
    if (api === undefined) throw new Error('no API runs');
    return callerOf(api.service.url)(request, { key: ADMIN_KEY, ...callOptions });
  };
  return {
    redis,
    queue,
    machines,
    start,
    call,
    sql: async (text, values = []) => (await pool.query(text, [...values])).rows,
    async differences() {
      const { body } = await call('GET /v1/admin/reconciliation');
      return body.checks.filter((check: { ok: boolean }) => !check.ok);
    },
    async mend() {
      for (const { wires, service } of machines) {
        for (const wire of [wires.postgres, wires.redis]) {
          wire.removeBreaks();
          await wire.mend();
        }
        service.thaw();
      }
    },
    async close() {
      for (const { service } of machines) {
        service.thaw();
        await service.kill();
      }
      await queue.close();
      await pool.end();
      for (const { wires } of machines) await Promise.all([wires.postgres.close(), wires.redis.close()]);
      await Promise.all([postgres.drop(), redis.stop()]);
    },
  };
}
