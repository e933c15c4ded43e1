/** What was sent to a webhook, for people: they read its deliveries, have one sent again, or try the webhook with an event of its own. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { behindRow, byTimeOfCreation, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import type { WebhookDelivery } from '../platform/prisma/client.js';
import { newEvent } from './event.js';
import { LEASE_SECONDS } from './webhook-deliveries.js';
import { tryWebhookSoon } from './webhooks.sql.js';
import { Webhooks, type WebhookRow, type WebhookScope } from './webhooks.js';

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

const TEST_EVENT = 'webhook.test';
/** Of one webhook. More tell nobody more. */
const TESTS_WAITING_MAX = 10;

type Page = {
  readonly status: DeliveryStatus | null;
  readonly order: Order;
  readonly after: string | null;
  readonly limit: number;
};

@Injectable()
export class WebhookDeliveryLog {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly webhooks: Webhooks,
  ) {}

  /** Throws `not_found` for a webhook that there is not, and `invalid_request` for a cursor that is none of its deliveries. */
  async list(scope: WebhookScope, { status, order, after, limit }: Page): Promise<WebhookDelivery[]> {
    await this.webhooks.get(scope);
    const { reader } = this.database;
    const last = await cursorRow(after, (id) => this.find(reader, scope, id));
    return reader.webhookDelivery.findMany({
      where: {
        webhookId: scope.id,
        ...(status === null ? {} : { status }),
        ...(last === null ? {} : behindRow(last, order)),
      },
      orderBy: byTimeOfCreation(order),
      take: limit,
    });
  }

  /** Throws `not_found`. */
  async get(scope: WebhookScope, delivery: string, tx: Tx = this.database.reader): Promise<WebhookDelivery> {
    await this.webhooks.get(scope, tx);
    const found = await this.find(tx, scope, delivery);
    if (found === null) throw new TallyError('not_found', 'no such delivery');
    return found;
  }

  /** Attempts it as if it were new, with its event's id. One that is still waiting is attempted soon. */
  async resend(
    tx: Tx,
    scope: WebhookScope,
    order: { delivery: string; actor: string },
  ): Promise<WebhookDelivery> {
    const webhook = await this.webhooks.lock(tx, scope);
    const before = await this.get(scope, order.delivery, tx);
    const at = await this.clock.bookingTime(tx);
    const isWaiting = before.status === 'pending';
    const { entity, id } = before;
    const sent = await tx.webhookDelivery.update({
      where: { entity_id: { entity, id } },
      data: isWaiting
        ? { nextAttemptAt: at }
        : { status: 'pending', attempts: 0, nextAttemptAt: at, queuedAt: at },
    });
    await tryWebhookSoon(tx, { id: webhook.id, at, leaseSeconds: LEASE_SECONDS });
    const after = { delivery: id, event: before.eventId };
    await this.webhooks.audit(tx, {
      webhook,
      actor: order.actor,
      action: 'webhooks.resend',
      before: { status: before.status },
      after,
    });
    return sent;
  }

  /** Queues an event that reports nothing. */
  async test(tx: Tx, scope: WebhookScope, { actor }: { actor: string }): Promise<WebhookDelivery> {
    const webhook = await this.webhooks.lock(tx, scope);
    const where = { webhookId: webhook.id, eventType: TEST_EVENT, status: 'pending' };
    if ((await tx.webhookDelivery.count({ where })) >= TESTS_WAITING_MAX)
      throw new TallyError('conflict', `${TESTS_WAITING_MAX} tests of this webhook wait already`);
    const at = await this.clock.bookingTime(tx);
    const delivery = await tx.webhookDelivery.create({ data: testOf(webhook, at) });
    await tryWebhookSoon(tx, { id: webhook.id, at, leaseSeconds: LEASE_SECONDS });
    const after = { delivery: delivery.id };
    await this.webhooks.audit(tx, { webhook, actor, action: 'webhooks.test', before: null, after });
    return delivery;
  }

  private find(tx: Tx, { id: webhookId }: WebhookScope, id: string): Promise<WebhookDelivery | null> {
    return tx.webhookDelivery.findFirst({ where: { webhookId, id } });
  }
}

function testOf(webhook: WebhookRow, at: Date) {
  const { entity } = webhook;
  const event = newEvent({ type: TEST_EVENT, at, data: { webhook: webhook.id, entity } });
  return {
    entity: entity ?? '',
    id: `${event.id}.${webhook.id}`,
    webhookId: webhook.id,
    eventId: event.id,
    eventType: event.type,
    payload: event.payload,
    status: 'pending',
    nextAttemptAt: at,
    queuedAt: at,
    createdAt: at,
  };
}
