/**
 * Mails what alerts report, a mail for each recipient, each retried like a webhook's message. A mail is queued in the transaction of what
 * it reports. A recipient that the server refuses for good is not tried again.
 */
import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../domain/buckets.js';
import { behindRow, byTimeOfCreation, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import type { MailDelivery } from '../platform/prisma/client.js';
import type { Event } from './event.js';
import {
  deleteEndedMails,
  endMailAttempt,
  lockMails,
  takeDueMails,
  type DueMail,
  type NewMail,
} from './mail-deliveries.sql.js';
import { MailSender } from './mail-sender.js';
import { ATTEMPTS_KEPT, ERROR_CHARACTERS_MAX, RETRY_DELAYS_SECONDS } from './webhook-deliveries.js';
import type { DeliveryStatus } from './webhook-delivery-log.js';

/** Of one entity's alerts. Bounded, since a key that may name recipients could fill strangers' boxes through us. */
export const MAILS_OF_DAY_MAX = 200;
/** Of the alerts of who runs the service. */
const PROVIDER_MAILS_OF_DAY_MAX = 2_000;
/** At once, one an entity. */
const IN_FLIGHT_MAX = 8;
const RUN_MS_MAX = 5_000;
/** Longer than an attempt takes: after this, the process that made it is dead. */
const LEASE_SECONDS = 60;
const DELAYS_SECONDS = RETRY_DELAYS_SECONDS.map((seconds) => Math.max(seconds, LEASE_SECONDS));
const KEPT_MS = 30 * DAY_MS;
const PRUNED_MAX = 10_000;

export type Letter = {
  readonly event: Event;
  /** Whose alert it is. Empty for one of who runs the service. */
  readonly entity: string;
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly body: string;
};

type Page = {
  readonly entity: string | null;
  readonly status: DeliveryStatus | null;
  readonly order: Order;
  readonly after: string | null;
  readonly limit: number;
};

@Injectable()
export class MailDeliveries {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly sender: MailSender,
  ) {}

  /** Whether anything can be mailed. */
  get isSetUp(): boolean {
    return this.sender.isSetUp;
  }

  /** Queues a mail for each recipient. Without a server, and above what an entity may mail in a day, they are in the log as failed. */
  async enqueue(tx: Tx, letters: readonly Letter[], at: Date): Promise<void> {
    for (const [entity, mails] of mailsByEntity(letters)) {
      await lockMails(tx, { entity });
      const since = new Date(at.getTime() - DAY_MS);
      const count = await tx.mailDelivery.count({ where: { entity, createdAt: { gt: since } } });
      const data = mails.map((mail, index) => {
        const problem = this.problemOf(entity, count + index);
        const times = { nextAttemptAt: at, queuedAt: at, createdAt: at };
        return { ...mail, ...times, ...(problem === null ? { status: 'pending' } : failedBy(problem, at)) };
      });
      await tx.mailDelivery.createMany({ data });
    }
  }

  private problemOf(entity: string, mailsBefore: number): string | null {
    const max = entity === '' ? PROVIDER_MAILS_OF_DAY_MAX : MAILS_OF_DAY_MAX;
    if (!this.isSetUp) return 'no mail server is set up (SMTP_URL)';
    if (mailsBefore >= max) return `at most ${max} mails a day go out for an entity`;
    return null;
  }

  /** Attempts the mails that are due, and returns the number of attempts. Ends where the server takes none of those tried at once. */
  async deliver(signal?: AbortSignal): Promise<number> {
    if (!this.isSetUp) return 0;
    const endsAtMs = performance.now() + RUN_MS_MAX;
    let attempts = 0;
    for (;;) {
      const at = await this.now();
      const due = await takeDueMails(this.database.reader, {
        at,
        limit: IN_FLIGHT_MAX,
        retryDelaysSeconds: DELAYS_SECONDS,
      });
      attempts += due.length;
      const taken = await Promise.all(due.map((mail) => this.attempt(mail, at)));
      if (!taken.includes(true) || signal?.aborted === true || performance.now() >= endsAtMs) break;
    }
    return attempts;
  }

  /** Deletes mails that were queued before, a month ago by default, and returns how many. */
  async prune(queuedBefore: Date | null = null): Promise<number> {
    const before = queuedBefore ?? new Date((await this.now()).getTime() - KEPT_MS);
    return deleteEndedMails(this.database.reader, { before, limit: PRUNED_MAX });
  }

  /** Of one entity or with null of all. Throws `invalid_request` for a cursor that is none of them. */
  async list({ entity, status, order, after, limit }: Page): Promise<MailDelivery[]> {
    const { reader } = this.database;
    const where = { entity: entity ?? undefined, status: status ?? undefined };
    const last = await cursorRow(after, (id) =>
      reader.mailDelivery.findFirst({ where: { entity: where.entity, id } }),
    );
    return reader.mailDelivery.findMany({
      where: { ...where, ...(last === null ? {} : behindRow(last, order)) },
      orderBy: byTimeOfCreation(order),
      take: limit,
    });
  }

  private async attempt(mail: DueMail, at: Date): Promise<boolean> {
    const beganAtMs = performance.now();
    const refusal = await this.sender.send(mail);
    const durationMs = Math.round(performance.now() - beganAtMs);
    const error = refusal?.error.slice(0, ERROR_CHARACTERS_MAX) ?? null;
    const isLast = refusal?.isFinal === true || mail.attempts >= RETRY_DELAYS_SECONDS.length;
    await endMailAttempt(this.database.reader, {
      mail,
      status: refusal === null ? 'delivered' : isLast ? 'failed' : 'pending',
      attempt: { startedAt: at, durationMs, status: refusal?.status ?? null, error },
      attemptsKept: ATTEMPTS_KEPT,
    });
    return refusal === null || refusal.isFinal;
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}

function mailsByEntity(letters: readonly Letter[]): Map<string, NewMail[]> {
  const byEntity = new Map<string, NewMail[]>();
  for (const { event, entity, recipients, subject, body } of letters) {
    const mails = recipients.map((recipient, index) => ({
      entity,
      id: `${event.id}.${index + 1}`,
      eventId: event.id,
      eventType: event.type,
      recipient,
      subject,
      body,
    }));
    if (mails.length > 0) byEntity.set(entity, [...(byEntity.get(entity) ?? []), ...mails]);
  }
  return byEntity;
}

function failedBy(error: string, at: Date) {
  const attempt = { at: at.getTime(), duration_ms: 0, status: null, error };
  return { status: 'failed', attemptLog: [attempt] };
}
