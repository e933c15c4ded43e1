/**
 * Delivers messages to webhooks, each at least once and under an id that stays the same, and retries those that fail. A message is
 * queued in the transaction of what it reports.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DAY_MS } from '../domain/buckets.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import {
  deleteEndedDeliveries,
  endAttempt,
  giveUpDeliveries,
  insertDeliveries,
  takeDueDeliveries,
  type DueDelivery,
  type Message,
} from './webhook-deliveries.sql.js';
import { PAUSES_SECONDS } from './webhook-breaker.js';
import { WebhookSender } from './webhook-sender.js';
import { signedHeaders } from './webhook-signature.js';

/** The delay after each failed attempt; a delivery whose last attempt failed is given up. About two days in total. */
export const RETRY_DELAYS_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 86_400, 86_400];

/** Longer than an attempt takes: after this, the process that made it is dead. */
export const LEASE_SECONDS = 20;
/** Sent at once, one a webhook. */
const IN_FLIGHT_MAX = 16;
/** Of these to webhooks that failed last time: they may take long and hold no place that others need. */
const FAILING_IN_FLIGHT_MAX = 4;
/** While something is in flight, what becomes due is looked for as often. */
const LOOK_MS = 1_000;
/** What is in flight then goes on beside the next run. */
const RUN_MS_MAX = 5_000;

/** As long as the attempts of a webhook that is never paused take, and a day. */
const WAIT_MS_MAX = 3 * DAY_MS;
const KEPT_MS = 30 * DAY_MS;
const PRUNED_MAX = 10_000;
export const ERROR_CHARACTERS_MAX = 256;
/** In the log of a delivery: those of two rounds, and some. */
export const ATTEMPTS_KEPT = 20;

@Injectable()
export class WebhookDeliveries implements OnApplicationShutdown {
  private readonly inFlight = new Map<DueDelivery, Promise<void>>();
  private failingCount = 0;
  private failure: unknown = null;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: WebhookSender,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.inFlight.values());
  }

  /** Queues messages for every webhook that receives their entity. */
  async enqueue(tx: Tx, messages: readonly Message[], at: Date): Promise<void> {
    if (messages.length > 0) await insertDeliveries(tx, messages, at);
  }

  /**
   * Attempts the deliveries that are due, webhook by webhook in turn, until none is left or the run has taken long enough, and returns the
   * number of attempts. A webhook that does not answer holds its own place only.
   */
  async deliver(signal?: AbortSignal): Promise<number> {
    const endsAtMs = performance.now() + RUN_MS_MAX;
    let attempts = 0;
    for (;;) {
      attempts += await this.start({ areFailing: false, limit: IN_FLIGHT_MAX - this.inFlight.size });
      const room = Math.min(FAILING_IN_FLIGHT_MAX - this.failingCount, IN_FLIGHT_MAX - this.inFlight.size);
      attempts += await this.start({ areFailing: true, limit: room });
      if (this.inFlight.size === 0 || performance.now() >= endsAtMs || signal?.aborted === true) break;
      await Promise.race([...this.inFlight.values(), delay(LOOK_MS, undefined, { ref: false })]);
    }
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    return attempts;
  }

  /** Gives up what has waited too long, deletes deliveries a month after they were queued, and returns how many of either. */
  async prune(endedBefore: Date | null = null): Promise<number> {
    const now = (await this.now()).getTime();
    const { reader } = this.database;
    const givenUp = await giveUpDeliveries(reader, {
      before: new Date(now - WAIT_MS_MAX),
      limit: PRUNED_MAX,
    });
    const pruned = await deleteEndedDeliveries(reader, {
      before: endedBefore ?? new Date(now - KEPT_MS),
      limit: PRUNED_MAX,
    });
    return givenUp + pruned;
  }

  private async start({ areFailing, limit }: { areFailing: boolean; limit: number }): Promise<number> {
    if (limit <= 0) return 0;
    const at = await this.now();
    const due = await takeDueDeliveries(this.database.reader, {
      at,
      areFailing,
      limit,
      leaseSeconds: LEASE_SECONDS,
      retryDelaysSeconds: RETRY_DELAYS_SECONDS,
    });
    for (const delivery of due) this.send(delivery, { at, areFailing });
    return due.length;
  }

  private send(delivery: DueDelivery, { at, areFailing }: { at: Date; areFailing: boolean }): void {
    if (areFailing) this.failingCount += 1;
    const sent = this.attempt(delivery, at)
      .catch((error: unknown) => {
        // It is not known how it ended: it is attempted again.
        this.failure ??= error;
      })
      .finally(() => {
        this.inFlight.delete(delivery);
        if (areFailing) this.failingCount -= 1;
      });
    this.inFlight.set(delivery, sent);
  }

  private async attempt(delivery: DueDelivery, at: Date): Promise<void> {
    const { eventId: id, url, secret, previousSecret, payload, attempts } = delivery;
    const secrets = previousSecret === null ? [secret] : [secret, previousSecret];
    const headers = { 'content-type': 'application/json', ...signedHeaders({ id, at, payload, secrets }) };
    const beganAtMs = performance.now();
    const answer = await this.sender.post(url, { headers, body: payload }).then(
      (status) => ({ status, error: status >= 200 && status < 300 ? null : `status ${status}` }),
      (thrown: unknown) => ({ status: null, error: String(thrown).slice(0, ERROR_CHARACTERS_MAX) }),
    );
    const durationMs = Math.round(performance.now() - beganAtMs);
    const isLast = attempts >= RETRY_DELAYS_SECONDS.length;
    await endAttempt(this.database.reader, {
      delivery,
      status: answer.error === null ? 'delivered' : isLast ? 'failed' : 'pending',
      attempt: { startedAt: at, durationMs, ...answer },
      attemptsKept: ATTEMPTS_KEPT,
      at: await this.now(),
      pausesSeconds: PAUSES_SECONDS,
    });
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}
