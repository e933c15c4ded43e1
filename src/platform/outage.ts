/** Tells that Postgres or Redis is away, or has no room for us, from a mistake of ours: the caller may try again. */
import { sqlStateOf } from './postgres-errors.js';

/** Connection and login refused, no such database, shutting down, out of resources, and conflicts that outlived their retries. */
const SQLSTATES = /^(08...|28...|3D000|57P0[123]|57014|53...|40P01|40001|25P03)$/;

/** Prisma: not reachable, timed out, connection closed, no connection free, transaction not started in time. */
const PRISMA_CODES = new Set(['P1000', 'P1001', 'P1002', 'P1003', 'P1008', 'P1017', 'P2024', 'P2028']);

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
]);

/** What node-postgres and ioredis say in words only. */
const MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|Connection is closed|isn't writeable|Command timed out|max retries per request|Can't reach database server|Server has closed the connection|LOADING Redis|pool after calling end/i;

const CAUSES_MAX = 6;

export function isOutage(error: unknown): boolean {
  if (SQLSTATES.test(sqlStateOf(error) ?? '')) return true;
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth += 1) {
    const code = 'code' in current ? current.code : null;
    if (typeof code === 'string' && (PRISMA_CODES.has(code) || SYSTEM_CODES.has(code))) return true;
    if (MESSAGES.test(current.message)) return true;
    if (current instanceof AggregateError && current.errors.some(isOutage)) return true;
    current = current.cause;
  }
  return false;
}
