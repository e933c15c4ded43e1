/** Webhooks: where the news goes. What is on its way to one is delivered at least once, under an id that stays the same. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { newWebhookSecret, signedHeaders } from './webhook-signature.js';
import { Clock } from '../platform/clock.js';
import { WebhookSender } from './webhook-sender.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { Database, type Tx } from '../platform/database.js';
import {
  deleteEndedDeliveries,
  deleteWebhook,
  findWebhooks,
  insertWebhook,
  lockWebhooks,
  noteAttempt,
  takeDueDeliveries,
  type DueDelivery,
  type WebhookRow,
} from './webhooks.sql.js';

/** Of one entity, and of those that hear of all. */
const WEBHOOKS_MAX = 20;

/** How long to wait after each attempt that failed; after the last one the delivery is given up. About two days. */
const WAITS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 86_400, 86_400];

/** Posted side by side, so that a slow receiver holds up its own round only. */
const ROUND_DELIVERIES_MAX = 20;
/** Upkeep runs one job at a time: receivers that do not answer hold the others up for half a minute at most. */
const ROUNDS_MAX = 3;

const KEPT_MS = 30 * 24 * 3_600_000;
const SWEPT_MAX = 10_000;
const ERROR_CHARACTERS_MAX = 256;

@Injectable()
export class Webhooks {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: WebhookSender,
  ) {}

  /** Oldest first; an entity sees its own, null sees all. */
  async list(entity: EntityName | null): Promise<WebhookRow[]> {
    return findWebhooks(this.database.reader, entity);
  }

  /** The secret is told this once. */
  async create(
    tx: Tx,
    order: { url: string; entity: EntityName | null; actor: string },
  ): Promise<WebhookRow & { secret: string }> {
    const { url, entity, actor } = order;
    const problem = this.sender.problemOf(url);
    if (problem !== null) throw new TallyError('invalid_request', `url: ${problem}`, { param: 'url' });
    const createdAt = await this.clock.bookingTime(tx);
    await lockWebhooks(tx);
    const others = (await findWebhooks(tx, null)).filter((webhook) => webhook.entity === entity);
    if (others.length >= WEBHOOKS_MAX) {
      throw new TallyError('conflict', `there are ${WEBHOOKS_MAX} webhooks already`);
    }
    const webhook = { id: randomId('hook'), url, entity, secret: newWebhookSecret(), createdAt };
    await insertWebhook(tx, webhook);
    await insertAuditEntry(tx, {
      at: createdAt,
      actor,
      entity,
      target: webhook.id,
      action: 'webhooks.create',
      before: null,
      after: { url },
    });
    return webhook;
  }

  /** With all that is on its way to it. `only` narrows to one entity's; false where there is none. */
  async delete(tx: Tx, order: { id: string; only: EntityName | null; actor: string }): Promise<boolean> {
    const { id, only, actor } = order;
    const webhook = await deleteWebhook(tx, { id, only });
    if (webhook === null) return false;
    const at = await this.clock.bookingTime(tx);
    const { url, entity } = webhook;
    await insertAuditEntry(tx, {
      at,
      actor,
      entity,
      target: id,
      action: 'webhooks.delete',
      before: { url },
      after: null,
    });
    return true;
  }

  /** Sends what is due and returns the number of attempts. */
  async deliver(): Promise<number> {
    let attempts = 0;
    for (let round = 0, full = true; full && round < ROUNDS_MAX; round += 1) {
      const at = await this.now();
      const due = await takeDueDeliveries(this.database.reader, {
        at,
        limit: ROUND_DELIVERIES_MAX,
        waitsSeconds: WAITS_SECONDS,
      });
      await Promise.all(due.map((delivery) => this.attempt(delivery, at)));
      attempts += due.length;
      full = due.length === ROUND_DELIVERIES_MAX;
    }
    return attempts;
  }

  /** Forgets what ended long ago. */
  async sweep(): Promise<number> {
    const before = new Date((await this.now()).getTime() - KEPT_MS);
    return deleteEndedDeliveries(this.database.reader, { before, limit: SWEPT_MAX });
  }

  private async attempt(delivery: DueDelivery, at: Date): Promise<void> {
    const { id, url, secret, payload, attempts } = delivery;
    const headers = { 'content-type': 'application/json', ...signedHeaders({ id, at, payload, secret }) };
    const error = await this.sender.post(url, { headers, body: payload }).then(
      (status) => (status >= 200 && status < 300 ? null : `status ${status}`),
      (thrown: unknown) => String(thrown).slice(0, ERROR_CHARACTERS_MAX),
    );
    const isLast = attempts >= WAITS_SECONDS.length;
    const status = error === null ? 'delivered' : isLast ? 'failed' : 'pending';
    await noteAttempt(this.database.reader, { id, status, error });
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}
