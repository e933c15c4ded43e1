/** The lock of the webhooks, and what a person does to a delivery. */
import type { Tx } from '../platform/database.js';

/** Transactions that add webhooks wait for each other, so a count of webhooks stays true until the commit. */
export async function lockWebhooks(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('webhooks', 0))::text`;
}

/** Locks a webhook, as everybody does who also changes its deliveries. False if there is none. */
export async function lockWebhook(tx: Tx, { id }: { id: string }): Promise<boolean> {
  const rows = await tx.$queryRaw<
    { id: string }[]
  >`select id from webhooks where id = ${id}::text for no key update`;
  return rows.length > 0;
}

/**
 * Lets a webhook be tried within `leaseSeconds` at the latest, however long it was to be left alone. An attempt that is in flight is over
 * by then, so it still gets one at a time. Needs the webhook's lock.
 */
export async function tryWebhookSoon(
  tx: Tx,
  { id, at, leaseSeconds }: { id: string; at: Date; leaseSeconds: number },
): Promise<void> {
  await tx.$executeRaw`
    update webhooks set next_at = least(next_at, ${at}::timestamptz + make_interval(secs => ${leaseSeconds}::integer))
    where id = ${id}::text and failures > 0`;
}
