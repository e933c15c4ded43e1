/**
 * Delivers messages to webhooks, each at least once and under an id that stays the same, and retries those that fail. A message is
 * queued in the transaction of what it reports.
 */
import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import {
  deleteEndedDeliveries,
  insertDeliveries,
  takeDueDeliveries,
  type DueDelivery,
  type Message,
} from './webhook-deliveries.sql.js';
import { WebhookSender } from './webhook-sender.js';
import { signedHeaders } from './webhook-signature.js';

/** The delay after each failed attempt; a delivery whose last attempt failed is given up. About two days in total. */
const RETRY_DELAYS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 86_400, 86_400];

/** Sent concurrently, so that a slow receiver delays only its own round. */
const ROUND_DELIVERIES_MAX = 20;
/** Upkeep runs one job at a time: receivers that do not answer delay the other jobs by half a minute at most. */
const ROUNDS_MAX = 3;

const KEPT_MS = 30 * DAY_MS;
const PRUNED_MAX = 10_000;
const ERROR_CHARACTERS_MAX = 256;

@Injectable()
export class WebhookDeliveries {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: WebhookSender,
  ) {}

  /** Queues messages for every webhook that receives their entity. */
  async enqueue(tx: Tx, messages: readonly Message[], at: Date): Promise<void> {
    if (messages.length > 0) await insertDeliveries(tx, messages, at);
  }

  /** Attempts the deliveries that are due and returns the number of attempts. */
  async deliver(): Promise<number> {
    let attempts = 0;
    for (let round = 0, full = true; full && round < ROUNDS_MAX; round += 1) {
      const at = await this.now();
      const due = await takeDueDeliveries(this.database.reader, {
        at,
        limit: ROUND_DELIVERIES_MAX,
        retryDelaysSeconds: RETRY_DELAYS_SECONDS,
      });
      await Promise.all(due.map((delivery) => this.attempt(delivery, at)));
      attempts += due.length;
      full = due.length === ROUND_DELIVERIES_MAX;
    }
    return attempts;
  }

  /** Deletes deliveries that have ended, a month after they were queued, and returns how many. */
  async prune(): Promise<number> {
    const before = new Date((await this.now()).getTime() - KEPT_MS);
    return deleteEndedDeliveries(this.database.reader, { before, limit: PRUNED_MAX });
  }

  private async attempt(delivery: DueDelivery, at: Date): Promise<void> {
    const { entity, id, url, secret, payload, attempts } = delivery;
    const headers = { 'content-type': 'application/json', ...signedHeaders({ id, at, payload, secret }) };
    const error = await this.sender.post(url, { headers, body: payload }).then(
      (status) => (status >= 200 && status < 300 ? null : `status ${status}`),
      (thrown: unknown) => String(thrown).slice(0, ERROR_CHARACTERS_MAX),
    );
    const isLast = attempts >= RETRY_DELAYS_SECONDS.length;
    const status = error === null ? 'delivered' : isLast ? 'failed' : 'pending';
    // No row is updated if the webhook was deleted meanwhile, and its deliveries with it.
    await this.database.reader.webhookDelivery.updateMany({
      where: { entity, id },
      data: { status, lastError: error },
    });
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}
