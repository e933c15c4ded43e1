/** The lock of a scope's spend alerts. */
import type { Tx } from '../platform/database.js';

/** Transactions that change alerts of one scope wait for each other, so a count of them stays true until the commit. */
export async function lockSpendAlerts(
  tx: Tx,
  { entity, project }: { entity: string; project: string | null },
): Promise<void> {
  await tx.$queryRaw`
    select pg_advisory_xact_lock(hashtextextended('spend_alerts ' || ${entity}::text || '/' || ${project ?? ''}::text, 0))::text`;
}
