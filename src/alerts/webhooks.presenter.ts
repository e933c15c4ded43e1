/** Webhooks and their deliveries as they are answered. No secret is in them. */
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';
import type { WebhookDelivery as DeliveryRow } from '../platform/prisma/client.js';
import { breakerOf } from './webhook-breaker.js';
import type { WebhookRow } from './webhooks.js';
import type { DeliveryAttempt, Webhook, WebhookDelivery } from './webhooks.schema.js';

export function presentWebhook(row: WebhookRow, at: Date): Webhook {
  const { state, probeAt } = breakerOf(row, at);
  const { previousSecretUntil: until } = row;
  return {
    object: 'webhook',
    id: row.id,
    url: row.url,
    entity: row.entity,
    created_at: unixSeconds(row.createdAt),
    rotated_at: unixSecondsOrNull(row.rotatedAt),
    previous_secret_until: until !== null && until > at ? unixSeconds(until) : null,
    breaker: { state, failures: row.failures, probe_at: unixSecondsOrNull(probeAt) },
  };
}

export function presentDelivery(row: DeliveryRow): WebhookDelivery {
  return {
    object: 'webhook.delivery',
    id: row.id,
    webhook: row.webhookId,
    event: row.eventId,
    type: row.eventType,
    entity: row.entity === '' ? null : row.entity,
    status: row.status as WebhookDelivery['status'],
    created_at: unixSeconds(row.createdAt),
    next_attempt_at: row.status === 'pending' ? unixSeconds(row.nextAttemptAt) : null,
    attempts: attemptsOf(row.attemptLog),
    body: row.payload,
  };
}

/** As the queues of webhooks and of mail keep it. */
export function attemptsOf(log: unknown): DeliveryAttempt[] {
  return (log as DeliveryAttempt[]).map(({ at, ...rest }) => ({ ...rest, at: Math.floor(at / 1000) }));
}
