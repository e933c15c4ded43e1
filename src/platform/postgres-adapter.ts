/** Prisma's adapter over our pool, where an unavailable Postgres is an Unavailable: Prisma would only tell it in words. */
import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlQueryable } from '@prisma/driver-adapter-utils';
import { postgresFailure } from './postgres-errors.js';

export class PostgresAdapter extends PrismaPg {
  override async connect(): ReturnType<PrismaPg['connect']> {
    const adapter = await super.connect();
    nameFailures(adapter);
    const startTransaction = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => {
      const transaction = await startTransaction(isolationLevel).catch(fail);
      nameFailures(transaction);
      return transaction;
    };
    return adapter;
  }
}

function nameFailures(queryable: SqlQueryable): void {
  const queryRaw = queryable.queryRaw.bind(queryable);
  const executeRaw = queryable.executeRaw.bind(queryable);
  queryable.queryRaw = (query) => queryRaw(query).catch(fail);
  queryable.executeRaw = (query) => executeRaw(query).catch(fail);
}

function fail(error: unknown): never {
  throw postgresFailure(error);
}
