/** Entities by their bucket, the first 16 bits of SHA-256 of the name. */
import { Prisma } from '../platform/prisma/client.js';
import type { Tx } from '../platform/database.js';

/** As four hexadecimal digits. */
const BUCKET = Prisma.raw(`encode(substr(sha256(convert_to(name, 'UTF8')), 1, 2), 'hex')`);

/** In order of their buckets, the bucket of the last of each `entitiesMax` entities. */
export async function readLastBuckets(
  tx: Tx,
  { entitiesMax }: { entitiesMax: number },
): Promise<{ bucket: string }[]> {
  return tx.$queryRaw`
    select max(bucket) as bucket from (
      select ${BUCKET} as bucket, (row_number() over (order by ${BUCKET}) - 1) / ${entitiesMax}::integer as part from entities
    ) e group by part order by 1`;
}

type Between = { readonly from: string; readonly to: string };

/** The names of the entities whose buckets lie between two, both included. */
export async function findEntitiesBetween(tx: Tx, between: Between): Promise<{ name: string }[]> {
  return tx.$queryRaw(entitiesBetween(between));
}

/** The same as a query, for a snapshot that is read page by page. */
export function entitiesBetween({ from, to }: Between): Prisma.Sql {
  return Prisma.sql`select name from entities where ${BUCKET} between ${from}::text and ${to}::text order by name`;
}
