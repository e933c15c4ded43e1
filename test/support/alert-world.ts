/** Alerts that watch, over books of a test's own, and what they queue for the webhook of who runs the service. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { AlertFiring } from '../../src/alerts/alert-firing.js';
import { Alerts, type NewAlert } from '../../src/alerts/alerts.js';
import { EVENT_BODIES } from '../../src/alerts/event-bodies.schema.js';
import { MailDeliveries } from '../../src/alerts/mail-deliveries.js';
import { MailSender } from '../../src/alerts/mail-sender.js';
import { Notifications } from '../../src/alerts/notifications.js';
import { WebhookDeliveries } from '../../src/alerts/webhook-deliveries.js';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { Webhooks } from '../../src/alerts/webhooks.js';
import type { EntityName } from '../../src/domain/ids.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { UsageQueue } from '../../src/platform/queues.js';
import { theBooks, type Books } from './books.js';
import { anEvent } from './builders.js';
import { buy, expectAgreement } from './correcting.js';

export const USD = 1_000_000_000_000n;
export const DAY_MS = 86_400_000;

/** Terms that an alert does not have. */
export const NOTHING = {
  project: null,
  belowPicos: null,
  withinDays: null,
  cap: null,
  sharePercent: null,
  olderThanSeconds: null,
  recipients: [],
  subjectPrefix: null,
};

type News = { id: string; type: string; data: Record<string, unknown> };

/** Every event has the body that the document says its type has, and no field that it does not. */
export function sentAsDocumented(payload: string): News {
  const sent: News = JSON.parse(payload);
  const schema = Object.entries(EVENT_BODIES).find(([type]) => type === sent.type)?.[1];
  assert(schema !== undefined, `${sent.type} is documented`);
  assert.deepEqual(Object.keys(sent).toSorted(), Object.keys(schema.shape).toSorted());
  assert.deepEqual(Object.keys(sent.data).toSorted(), Object.keys(schema.shape.data.shape).toSorted());
  return schema.parse(sent);
}

export class AlertWorld {
  /** Whose the alerts, credits and usage are that a test makes; a new one for each test. */
  entity = '' as EntityName;

  private constructor(
    readonly books: Books,
    readonly alerts: Alerts,
    readonly queue: UsageQueue,
    readonly firing: AlertFiring,
  ) {}

  static async open(): Promise<AlertWorld> {
    const books = await theBooks();
    const { database, clock, accounts } = books;
    const alerts = new Alerts(database, clock, accounts);
    const queue = new UsageQueue(new RedisNodes(books.redis), clock);
    const sender = new WebhookSender({ allowPrivate: true });
    const mails = new MailDeliveries(database, clock, new MailSender(null));
    const notifications = new Notifications(new WebhookDeliveries(database, clock, sender), mails);
    const firing = new AlertFiring(database, database.reports, clock, queue, alerts, notifications);
    const webhooks = new Webhooks(database, clock, sender, accounts);
    const order = { url: 'http://127.0.0.1:65535/provider', entity: null, actor: 'test' };
    await database.transaction((tx) => webhooks.create(tx, order));
    return new AlertWorld(books, alerts, queue, firing);
  }

  /** Before each test. */
  async begin(): Promise<void> {
    this.books.clock.set('2026-11-22T12:00:00Z');
    await this.books.postgres.pool.query(
      'truncate alerts, alert_states, webhook_deliveries, mail_deliveries',
    );
    this.entity = await this.anEntity('e');
  }

  async anEntity(prefix: string): Promise<EntityName> {
    const { books } = this;
    const name = `${prefix}-${randomUUID()}` as EntityName;
    await books.database.transaction((tx) => books.accounts.ensureEntity(tx, name, books.clock.now()));
    return name;
  }

  async alert(
    terms: Partial<NewAlert> & Pick<NewAlert, 'kind'>,
    of: EntityName | null = this.entity,
  ): Promise<string> {
    const order = { alert: { ...NOTHING, ...terms }, actor: 'test' };
    return (await this.books.database.transaction((tx) => this.alerts.create(tx, of, order))).id;
  }

  async grant(usd: bigint, expiresAt: Date | null = null): Promise<void> {
    await buy(this.books, this.entity, usd * USD, { expiresAt });
  }

  /** Millions of input tokens. */
  async spend(millions: number, override: Parameters<typeof anEvent>[0] = {}): Promise<void> {
    const quantities = { input: millions * 1_000_000 };
    const subject = `${this.entity}/p`;
    const occurredAt = this.books.clock.now();
    await this.books.recorder.record([anEvent({ subject, occurredAt, quantities, ...override })]);
  }

  /** What was queued since the last look. */
  async news(): Promise<News[]> {
    const { rows } = await this.books.postgres.pool.query<{ payload: string }>(
      'delete from webhook_deliveries returning payload',
    );
    return rows.map(({ payload }) => sentAsDocumented(payload));
  }

  async close(): Promise<void> {
    await this.queue.close();
    await expectAgreement(this.books);
    await this.books.close();
  }
}
