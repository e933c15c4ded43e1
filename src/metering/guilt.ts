/** Whose fault it is that events are not counted: a server's, their own, or ours. Only an event's own content makes it a dead letter. */
import { isUnavailable } from '../platform/unavailable.js';
import { isRetryable, sqlStateOf } from '../platform/postgres-errors.js';
import type { Wait } from './delivery.js';

/** Data exceptions, and limits such as on how deep JSON is nested: Postgres could not read a value. */
const CONTENT_CLASSES = new Set(['22', '54']);
const CHECK_VIOLATION = '23514';

/** `contentChecks` finds the names of the checks of the events' own table. */
export async function verdictOn(
  error: unknown,
  contentChecks: () => Promise<readonly string[]>,
): Promise<Wait | 'content'> {
  if (isUnavailable(error)) return { kind: 'server', reason: error.server, error };
  if (isRetryable(error)) return { kind: 'server', reason: 'postgres', error };
  const state = sqlStateOf(error);
  if (CONTENT_CLASSES.has(state?.slice(0, 2) ?? '')) return 'content';
  if (state === CHECK_VIOLATION && namesOneOf(error, await contentChecks())) return 'content';
  return { kind: 'fault', reason: state === null ? 'bug' : `sql_${state}`, error };
}

/** Of a violated check Prisma's adapter passes on only Postgres' message. In any language it has the constraint's name. */
function namesOneOf(error: unknown, constraints: readonly string[]): boolean {
  const words = new Set((error as Error).message.match(/[\w$]+/g));
  return constraints.some((name) => words.has(name));
}
