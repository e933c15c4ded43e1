/** All that Tally keeps about an entity: its rows of every table, and its keys in Redis. */
import type { TestApp } from './app.js';
import { withRedis } from './data-dir.js';

export async function possessionsOf(
  { postgres, redis }: Pick<TestApp, 'postgres' | 'redis'>,
  entity: string,
): Promise<Record<string, unknown>> {
  const { rows: tables } = await postgres.pool.query<{ name: string }>(`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'entity'
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by 1`);
  const kept: Record<string, unknown> = {};
  for (const { name } of tables) {
    const { rows } = await postgres.pool.query<{ row: unknown }>(
      `select to_jsonb(t) as row from ${name} t where entity = $1 order by to_jsonb(t)::text`,
      [entity],
    );
    if (rows.length > 0) kept[name] = rows.map(({ row }) => row);
  }
  return { ...kept, ...(await inRedis(redis.url, entity)) };
}

async function inRedis(url: string, entity: string): Promise<Record<string, unknown>> {
  return withRedis(url, async (connection) => {
    const kept: Record<string, unknown> = {};
    for (const key of (await connection.keys(`*{${entity}}*`)).toSorted())
      kept[key] =
        (await connection.type(key)) === 'hash'
          ? await connection.hgetall(key)
          : await connection.exists(key);
    return kept;
  });
}
