/** Which keys exist, by the beginning of the hash of their secret. */
import type { Tx } from '../platform/database.js';

/** Keys that were made at this time or later. Locks nothing; a revoked key is among them, since it is looked up like any other. */
export async function findKeyPrefixes(
  tx: Tx,
  { madeSince, digits }: { madeSince: Date; digits: number },
): Promise<{ prefix: string; madeAt: Date }[]> {
  return tx.$queryRaw`
    select left(secret_hash, ${digits}::integer) as prefix, created_at as "madeAt"
    from api_keys where created_at >= ${madeSince}::timestamptz`;
}
