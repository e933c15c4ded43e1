/** Connections to Postgres for one purpose, Prisma over them, and transactions that retry deadlocks and serialization failures. */
import pg from 'pg';
import { PostgresAdapter } from './postgres-adapter.js';
import { clientThatBegins } from './postgres-client.js';
import { isRetryable, transactionFailure } from './postgres-errors.js';
import { PrismaClient, type Prisma } from './prisma/client.js';

/** What every store function takes: a transaction, or the client itself for a single read. */
export type Tx = Prisma.TransactionClient;

export type Purpose = 'ingest' | 'money' | 'decisions' | 'reports' | 'standby';

const ATTEMPTS_MAX = 6;
const TRANSACTION_MS_MAX = 30_000;
const IDLE_IN_TRANSACTION_MS_MAX = 60_000;

/**
 * What work returns when something that it relies on changed before it had its locks, such as an hour that was posted meanwhile:
 * the transaction is rolled back and run again. A caller that receives one returns it to its own caller.
 */
export class Restart {
  constructor(readonly restartReason: string) {}
}

/** Prisma rolls back only when something is thrown. Callers see it after the last attempt. */
class RestartedTooOften extends Error {}

/** `snapshot`: all statements see the tables as they were at the first. */
export type TransactionOptions = { readonly snapshot?: boolean; readonly timeoutMs?: number };

export type PoolSettings = {
  readonly purpose: Purpose;
  readonly connectionsMax: number;
  /** How long a caller waits for a connection, new or of the pool. */
  readonly connectMsMax: number;
  /** How long one statement may take. */
  readonly statementMsMax: number;
  readonly isolation: 'read committed' | 'repeatable read read only';
  /** Whether statements that ask for it are prepared. */
  readonly prepares: boolean;
  /** Prisma names it before each of its tables; our own SQL finds them by the session's search_path. */
  readonly schema: string;
  /** What each transaction begins with, single statements too, where sessions are a pooler's; null where they are our own. */
  readonly local: readonly string[] | null;
  /** Called with each new connection before its first query. */
  readonly onConnect: (client: pg.PoolClient) => void;
};

export type PoolCounts = {
  readonly purpose: Purpose;
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
  /** Connections that may be open. */
  readonly max: number;
};

export class PurposePool {
  private opened: { readonly pool: pg.Pool; readonly client: PrismaClient } | null = null;

  constructor(
    private readonly connection: pg.ClientConfig,
    private readonly settings: PoolSettings,
  ) {}

  /** For single statements that need no transaction. */
  get reader(): Tx {
    return this.open().client;
  }

  /**
   * Runs `work` in one transaction. After a deadlock, a serialization failure or a Restart it is rolled back and run again from its
   * start, so nothing that `work` does may outlast a rollback, unless it is safe to repeat. A commit whose answer is lost is not
   * run again.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T | Restart>, options: TransactionOptions = {}): Promise<T> {
    const { client } = this.open();
    const orRollBack = async (tx: Tx): Promise<T> => {
      const result = await work(tx);
      if (result instanceof Restart) throw new RestartedTooOften(result.restartReason);
      return result;
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await client.$transaction(orRollBack, {
          timeout: options.timeoutMs ?? TRANSACTION_MS_MAX,
          maxWait: this.settings.connectMsMax,
          // Left out, it is the pool's own, which costs no call.
          ...(options.snapshot === true ? { isolationLevel: 'RepeatableRead' } : {}),
        });
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !(error instanceof RestartedTooOften || isRetryable(error)))
          throw transactionFailure(error);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
      }
    }
  }

  /** A connection for a caller that releases it. */
  connect(): Promise<pg.PoolClient> {
    return this.open().pool.connect();
  }

  counts(): PoolCounts {
    const { purpose, connectionsMax: max } = this.settings;
    if (this.opened === null) return { purpose, inUse: 0, idle: 0, waiting: 0, max };
    const { totalCount, idleCount, waitingCount } = this.opened.pool;
    return { purpose, inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount, max };
  }

  async close(): Promise<void> {
    if (this.opened === null) return;
    const { pool, client } = this.opened;
    await client.$disconnect();
    if (!pool.ended) await pool.end();
  }

  /** At its first use, because not every process has every purpose. */
  private open(): { readonly pool: pg.Pool; readonly client: PrismaClient } {
    if (this.opened !== null) return this.opened;
    const { purpose, connectionsMax, statementMsMax, prepares, schema, local, onConnect } = this.settings;
    const pool = new pg.Pool({
      ...this.connection,
      Client: clientThatBegins(this.begin()),
      max: connectionsMax,
      // One stays open, so that a quiet moment does not make the next caller wait, and a Postgres that goes away is noticed at once.
      min: purpose === 'reports' || purpose === 'standby' ? 0 : 1,
      // For statements outside transactions.
      ...(local === null && {
        options: `-c statement_timeout=${statementMsMax} ${this.connection.options ?? ''}`,
      }),
    });
    // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
    pool.on('error', () => {});
    pool.on('connect', onConnect);
    this.opened = {
      pool,
      client: new PrismaClient({
        adapter: new PostgresAdapter(pool, { prepares, schema, ownSessions: local === null }),
      }),
    };
    return this.opened;
  }

  /** What holds within a transaction whatever the session's settings are. */
  begin({
    statementMsMax = this.settings.statementMsMax,
    idleMsMax = IDLE_IN_TRANSACTION_MS_MAX,
  }: { statementMsMax?: number; idleMsMax?: number } = {}): string {
    const { isolation, local } = this.settings;
    return [
      `begin isolation level ${isolation}`,
      `set local statement_timeout = ${statementMsMax}`,
      `set local idle_in_transaction_session_timeout = ${idleMsMax}`,
      ...(local ?? []),
    ].join('; ');
  }
}
