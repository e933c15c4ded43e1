import type { Tx } from '../platform/database.js';

/** The names of the checks that hold what an event says, as opposed to those of what is summed up from it. */
export async function findContentChecks(tx: Tx): Promise<string[]> {
  const rows = await tx.$queryRaw<{ conname: string }[]>`
    select conname::text
    from pg_constraint
    where contype = 'c' and conrelid = to_regclass('usage_events')`;
  return rows.map(({ conname }) => conname);
}
