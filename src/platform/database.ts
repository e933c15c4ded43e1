/** All access to Postgres goes through here: a pool, Prisma over it, and transactions that retry deadlocks and serialization failures. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ping } from './ping.sql.js';
import { PostgresAdapter } from './postgres-adapter.js';
import { isRetryable, transactionFailure } from './postgres-errors.js';
import { PrismaClient, type Prisma } from './prisma/client.js';
import { Snapshot } from './snapshot.sql.js';

export type { Query, Snapshot } from './snapshot.sql.js';

/** What every store function takes: a transaction, or the client itself for a single read. */
export type Tx = Prisma.TransactionClient;

const ATTEMPTS_MAX = 6;
const TRANSACTION_TIMEOUT_MS = 30_000;
/** How long a caller waits for a connection, new or of the pool. */
const CONNECT_MS_MAX = 10_000;

/**
 * What work returns when something that it relies on changed before it had its locks, such as an hour that was posted meanwhile:
 * the transaction is rolled back and run again. A caller that receives one returns it to its own caller.
 */
export class Restart {
  constructor(readonly restartReason: string) {}
}

/** Prisma rolls back only when something is thrown. Callers see it after the last attempt. */
class RestartedTooOften extends Error {}

export type TransactionOptions = { readonly snapshot?: boolean; readonly timeoutMs?: number };

/** How often a Postgres whose connections broke is asked whether it is back. */
const RETURN_MS = 100;

export class Database {
  private readonly pool: pg.Pool;
  private readonly client: PrismaClient;
  private readonly connection: pg.ClientConfig;
  private readonly connectMsMax: number;
  private readonly returned: (() => void)[] = [];
  /** A connection broke, and no new one has been made since. */
  private isLost = false;

  constructor(options: { url: string; connectionsMax?: number; connectMsMax?: number }) {
    this.connectMsMax = options.connectMsMax ?? CONNECT_MS_MAX;
    this.connection = {
      connectionString: options.url,
      connectionTimeoutMillis: this.connectMsMax,
      application_name: 'tally',
      options: '-c timezone=UTC -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000',
    };
    this.pool = new pg.Pool({
      ...this.connection,
      max: options.connectionsMax ?? 10,
      // One stays open also in a process that asks for nothing, so that a Postgres that goes away is noticed at once.
      min: 1,
    });
    // An idle connection that breaks is replaced at its next use; without a listener it would end the process.
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => {
      client.on('error', () => this.lose());
      this.find();
    });
    this.client = new PrismaClient({ adapter: new PostgresAdapter(this.pool) });
  }

  /** Throws Unavailable where Postgres does not answer. */
  async ping(): Promise<void> {
    await ping(this.client);
  }

  /** For single statements that need no transaction. */
  get reader(): Tx {
    return this.client;
  }

  /**
   * Runs `work` in one READ COMMITTED transaction (`snapshot`: REPEATABLE READ, for reports over several statements). After a
   * deadlock, a serialization failure or a Restart it is rolled back and run again from its start, so nothing that
   * `work` does may outlast a rollback, unless it is safe to repeat. A commit whose answer is lost is not run again.
   */
  async transaction<T>(work: (tx: Tx) => Promise<T | Restart>, options: TransactionOptions = {}): Promise<T> {
    const orRollBack = async (tx: Tx): Promise<T> => {
      const result = await work(tx);
      if (result instanceof Restart) throw new RestartedTooOften(result.restartReason);
      return result;
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.client.$transaction(orRollBack, {
          timeout: options.timeoutMs ?? TRANSACTION_TIMEOUT_MS,
          maxWait: this.connectMsMax,
          isolationLevel: options.snapshot ? 'RepeatableRead' : 'ReadCommitted',
        });
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !(error instanceof RestartedTooOften || isRetryable(error)))
          throw transactionFailure(error);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt));
      }
    }
  }

  /** For reading more rows than memory holds. The caller closes it. */
  snapshot(): Promise<Snapshot> {
    return Snapshot.open(this.pool);
  }

  /**
   * Calls the listener when a connection to Postgres succeeds after one broke, before the first query. The database may have been
   * replaced meanwhile (restored, or a standby without the last commits), so what was cached from it may be wrong.
   */
  onReturn(listener: () => void): void {
    this.returned.push(listener);
  }

  private lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    void this.untilReturned();
  }

  private find(): void {
    if (this.isLost) for (const listener of this.returned) listener();
    this.isLost = false;
  }

  /** Polls on its own connection: decisions may run without Postgres, and the pool's other connections may still lead to the old server. */
  private async untilReturned(): Promise<void> {
    while (this.isLost && !this.pool.ending) {
      const client = new pg.Client(this.connection);
      client.on('error', () => {});
      await client.connect().then(
        () => this.find(),
        () => {},
      );
      await client.end().catch(() => {});
      await delay(RETURN_MS, undefined, { ref: false });
    }
  }

  async close(): Promise<void> {
    await this.client.$disconnect();
    if (!this.pool.ended) await this.pool.end();
  }
}
