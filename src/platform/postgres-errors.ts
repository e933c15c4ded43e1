/** What Postgres means by its errors: which to retry, which say that it is unavailable. */
import { isDriverAdapterError } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { Prisma } from './prisma/client.js';
import { Unavailable } from './unavailable.js';

/** Deadlock, serialization failure. */
const RETRYABLE = new Set(['40P01', '40001']);

/** Connection exception, login refused, out of resources. */
const UNAVAILABLE_CLASSES = new Set(['08', '28', '53']);

/**
 * Besides RETRYABLE, which outlived its retries: no such database, shutting down, crashed, starting, canceled, idle for too long; and one that
 * takes no writes, as a standby before its promotion does.
 */
const UNAVAILABLE_STATES = new Set([
  ...RETRYABLE,
  '3D000',
  '57P01',
  '57P02',
  '57P03',
  '57014',
  '25P03',
  '25006',
]);

/** How Prisma's adapter names errors of a connection's socket, which have no SQLSTATE. */
const CONNECTION_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
]);

/** Prisma's own, where no driver is involved: a transaction that was not started in time or took too long. */
const PRISMA_TIMEOUTS = new Set(['P2024', 'P2028']);

const CAUSES_MAX = 6;

/** The five characters of SQLSTATE, wherever Prisma has wrapped them, or null where Postgres did not answer with an error. */
export function sqlStateOf(error: unknown): string | null {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth += 1) {
    if (current instanceof pg.DatabaseError) return current.code ?? null;
    if (isDriverAdapterError(current)) return current.cause.originalCode ?? null;
    current =
      current instanceof Prisma.PrismaClientKnownRequestError
        ? current.meta?.['driverAdapterError']
        : current.cause;
  }
  return null;
}

export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(sqlStateOf(error) ?? '');
}

/** What a call of the driver, or of Prisma's adapter over it, was rejected with: an Unavailable, or the error as it is. */
export function postgresFailure(error: unknown): unknown {
  return isPostgresUnavailable(error) ? new Unavailable('postgres', error) : error;
}

function isPostgresUnavailable(error: unknown): boolean {
  if (error instanceof Unavailable) return false;
  const state = sqlStateOf(error);
  if (state !== null) return UNAVAILABLE_CLASSES.has(state.slice(0, 2)) || UNAVAILABLE_STATES.has(state);
  if (isDriverAdapterError(error)) return CONNECTION_KINDS.has(error.cause.kind);
  // Postgres answers with an SQLSTATE. The driver rejects with anything else only where the connection failed, unless we misuse it.
  return !(error instanceof pg.DatabaseError || error instanceof TypeError || error instanceof RangeError);
}

/** What a transaction of Prisma's was rejected with. Its statements' errors have gone through `postgresFailure`. */
export function transactionFailure(error: unknown): unknown {
  const isTimeout = error instanceof Prisma.PrismaClientKnownRequestError && PRISMA_TIMEOUTS.has(error.code);
  return isTimeout ? new Unavailable('postgres', error) : error;
}
