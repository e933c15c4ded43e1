/**
 * What is long is read a range of entities at a time, each range in a snapshot of its own: no snapshot keeps Postgres from vacuuming for
 * longer than a range takes, and the ranges may lie in several databases. A range is a stretch of buckets, which identities begin with.
 */
import type { Query, Snapshot, Tx } from '../platform/database.js';
import { entitiesBetween, findEntitiesBetween, readLastBuckets } from './entity-ranges.sql.js';

/** Buckets as four hexadecimal digits, both included. */
export type EntityRange = { readonly from: string; readonly to: string };

const LAST_BUCKET = 0xffff;

/** Ranges that together hold every bucket, each with about `entitiesMax` of the entities that there are now. */
export async function readEntityRanges(
  tx: Tx,
  { entitiesMax }: { entitiesMax: number },
): Promise<EntityRange[]> {
  const buckets = await readLastBuckets(tx, { entitiesMax });
  const ends = buckets.slice(0, -1).map(({ bucket }) => Number.parseInt(bucket, 16));
  return [...new Set([...ends, LAST_BUCKET])].map((end, index, all) => ({
    from: digitsOf(index === 0 ? 0 : all[index - 1]! + 1),
    to: digitsOf(end),
  }));
}

export async function readEntitiesOf(tx: Tx, range: EntityRange): Promise<string[]> {
  return (await findEntitiesBetween(tx, range)).map(({ name }) => name);
}

/** The same, in a snapshot that is read page by page. */
export async function readEntitiesIn(snapshot: Snapshot, range: EntityRange): Promise<string[]> {
  const { text, values } = entitiesBetween(range);
  const query: Query = { text, values: values as string[] };
  const names: string[] = [];
  for await (const rows of snapshot.pages<{ name: string }>(query))
    names.push(...rows.map(({ name }) => name));
  return names;
}

function digitsOf(bucket: number): string {
  return bucket.toString(16).padStart(4, '0');
}
