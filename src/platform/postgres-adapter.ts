/**
 * Prisma's adapter over a pool of ours. An unavailable Postgres is an Unavailable, which Prisma would only tell in words; times are
 * sent with their offset, which it would leave to the session's time zone; and statements may be prepared.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import type {
  ArgType,
  SqlDriverAdapter,
  SqlQuery,
  SqlQueryable,
  Transaction,
} from '@prisma/driver-adapter-utils';
import type pg from 'pg';
import { instantText } from './instants.js';
import { postgresFailure } from './postgres-errors.js';

/** What Postgres has no offset for. */
const WITHOUT_OFFSET = new Set(['DATE', 'TIME', 'TIMETZ']);

/** A statement that begins so is prepared under this name, once for each connection. */
const NAMED = /^\s*\/\* prepared: ([a-z0-9_]{1,60}) \*\//;

export class PostgresAdapter extends PrismaPg {
  private readonly ownSessions: boolean;

  /**
   * `prepares`: a statement whose text begins with the comment `prepared: name` is parsed and planned once for each connection. Only statements
   * that always have the same text, and are as fast by a plan that knows no values, may ask for it. A pooler that keeps no prepared
   * statements (PgBouncer before 1.21, or with max_prepared_statements = 0) needs it off. Without sessions of its own each statement is a
   * transaction, because only those have what it needs.
   */
  constructor(
    pool: pg.Pool,
    { prepares, schema, ownSessions }: { prepares: boolean; schema: string; ownSessions: boolean },
  ) {
    super(pool, { schema, ...(prepares && { statementNameGenerator: nameOf }) });
    this.ownSessions = ownSessions;
  }

  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    adjust(adapter);
    const startTransaction = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => {
      const transaction = await startTransaction(isolationLevel).catch(fail);
      adjust(transaction);
      return transaction;
    };
    if (!this.ownSessions) isolateStatements(adapter);
    return adapter;
  }
}

/** Empty for a statement that is parsed each time. */
function nameOf({ sql }: SqlQuery): string {
  return NAMED.exec(sql)?.[1] ?? '';
}

function adjust(queryable: SqlQueryable): void {
  const queryRaw = queryable.queryRaw.bind(queryable);
  const executeRaw = queryable.executeRaw.bind(queryable);
  queryable.queryRaw = (query) => queryRaw(withOffsets(query)).catch(fail);
  queryable.executeRaw = (query) => executeRaw(withOffsets(query)).catch(fail);
}

/** Each statement as a transaction. Prisma sends the end of one as a statement, and then gives the connection back. */
export function isolateStatements(adapter: SqlDriverAdapter): void {
  const alone = async <T>(run: (transaction: Transaction) => Promise<T>): Promise<T> => {
    const transaction = await adapter.startTransaction();
    const end = (sql: string) => transaction.executeRaw({ sql, args: [], argTypes: [] });
    try {
      const result = await run(transaction);
      await end('COMMIT');
      return result;
    } catch (error) {
      await end('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      await transaction.commit();
    }
  };
  adapter.queryRaw = (query) => alone((transaction) => transaction.queryRaw(query));
  adapter.executeRaw = (query) => alone((transaction) => transaction.executeRaw(query));
}

function withOffsets(query: SqlQuery): SqlQuery {
  if (!query.argTypes.some(isInstant)) return query;
  const args = query.args.map((arg, index) => (isInstant(query.argTypes[index]) ? textOf(arg) : arg));
  const argTypes = query.argTypes.map((type): ArgType => {
    return isInstant(type) ? { ...type, scalarType: 'string' } : type;
  });
  return { ...query, args, argTypes };
}

function isInstant(type: ArgType | undefined): boolean {
  return type?.scalarType === 'datetime' && !WITHOUT_OFFSET.has(type.dbType ?? '');
}

function textOf(arg: unknown): unknown {
  if (Array.isArray(arg)) return arg.map(textOf);
  return arg instanceof Date || typeof arg === 'string' ? instantText(arg) : arg;
}

function fail(error: unknown): never {
  throw postgresFailure(error);
}
