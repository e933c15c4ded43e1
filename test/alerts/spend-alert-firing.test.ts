import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { MailDeliveries } from '../../src/alerts/mail-deliveries.js';
import { MailSender } from '../../src/alerts/mail-sender.js';
import { Notifications } from '../../src/alerts/notifications.js';
import { SpendAlertFiring } from '../../src/alerts/spend-alert-firing.js';
import { Accounts } from '../../src/accounts/accounts.js';
import { SpendAlerts, type AlertScope } from '../../src/alerts/spend-alerts.js';
import { WebhookDeliveries } from '../../src/alerts/webhook-deliveries.js';
import { Webhooks } from '../../src/alerts/webhooks.js';
import { theBooks, type Books } from '../support/books.js';
import { anEvent, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { sentAsDocumented } from '../support/alert-world.js';
import { aReceiver, type Receiver } from '../support/receiver.js';

const MILLION_PICOS = 1_000_000n * LLAMA_PICOS_PER_TOKEN;
const RECIPIENTS = ['finance@example.com'];

let books: Books;
let alerts: SpendAlerts;
let firing: SpendAlertFiring;
let webhooks: Webhooks;
let deliveries: WebhookDeliveries;
let receiver: Receiver;
/** A new entity with one webhook of its own for each test. */
let entity: EntityName;
let secret: string;

beforeAll(async () => {
  books = await theBooks();
  const { database, clock } = books;
  alerts = new SpendAlerts(database, clock, new Accounts());
  const sender = new WebhookSender({ allowPrivate: true });
  webhooks = new Webhooks(database, clock, sender, new Accounts());
  deliveries = new WebhookDeliveries(database, clock, sender);
  const mails = new MailDeliveries(database, clock, new MailSender(null));
  firing = new SpendAlertFiring(database, clock, new Notifications(deliveries, mails));
  receiver = await aReceiver();
});
afterAll(async () => {
  await receiver.close();
  await books.close();
});
beforeEach(async () => {
  books.clock.set('2026-11-22T12:00:00Z');
  receiver.answer(204);
  entity = await anEntity('e');
  secret = await hook(receiver.url);
  await books.postgres.pool.query('delete from webhook_deliveries');
  receiver.received.length = 0;
});

function scopeOf(subject: string): AlertScope {
  const [name, project] = subject.split('/');
  return { entity: name as EntityName, project: (project as ProjectName | undefined) ?? null };
}

async function anEntity(prefix: string): Promise<EntityName> {
  const name = `${prefix}-${randomUUID()}` as EntityName;
  await books.database.transaction((tx) => new Accounts().ensureEntity(tx, name, books.clock.now()));
  return name;
}

async function hook(url: string): Promise<string> {
  const order = { url, entity, actor: 'test' };
  const { id } = await books.database.transaction((tx) => webhooks.create(tx, order));
  return String(await webhooks.secretOf(id, null));
}

async function alertAt(thresholdPicos: bigint, project?: string): Promise<string> {
  const scope = scopeOf(project === undefined ? entity : `${entity}/${project}`);
  const order = { thresholdPicos, recipients: RECIPIENTS, subjectPrefix: null, actor: 'test' };
  return (await books.database.transaction((tx) => alerts.create(tx, scope, order))).id;
}

async function moveTo(id: string, thresholdPicos: bigint): Promise<void> {
  const order = { id, thresholdPicos, recipients: RECIPIENTS, subjectPrefix: null, actor: 'test' };
  await books.database.transaction((tx) => alerts.update(tx, scopeOf(entity), order));
}

async function spendMillion(project = 'p', occurredAt = books.clock.now()): Promise<void> {
  const quantities = { input: 1_000_000 };
  await books.recorder.record([anEvent({ subject: `${entity}/${project}`, occurredAt, quantities })]);
}

const news = () => receiver.received.map(({ body }) => sentAsDocumented(body));

describe('a spend alert', () => {
  it('fires once when the month reaches its threshold, not below', async () => {
    const id = await alertAt(2n * MILLION_PICOS);
    await spendMillion();
    expect(await firing.fire()).toBe(0);
    await spendMillion();
    expect(await firing.fire()).toBe(1);
    await spendMillion();
    expect(await firing.fire()).toBe(0);
    await deliveries.deliver();
    expect(news()).toEqual([
      {
        id: expect.stringMatching(/^evt_/),
        type: 'spend_alert.triggered',
        timestamp: '2026-11-22T12:00:00.000Z',
        data: {
          id,
          entity,
          project: null,
          period: '2026-11',
          threshold_usd: '1.42',
          spent_usd: '1.42',
          notification_channel: { type: 'email', recipients: RECIPIENTS, subject_prefix: null },
        },
      },
    ]);
  });

  it("of a project compares only the project's spend", async () => {
    await alertAt(MILLION_PICOS, 'watched');
    await spendMillion('other');
    expect(await firing.fire()).toBe(0);
    await spendMillion('watched');
    expect(await firing.fire()).toBe(1);
  });

  it('fires once, however many checks run concurrently', async () => {
    await alertAt(MILLION_PICOS);
    await spendMillion();
    const fired = await Promise.all(Array.from({ length: 8 }, () => firing.fire()));
    expect(fired.reduce((sum, count) => sum + count, 0)).toBe(1);
    await Promise.all(Array.from({ length: 4 }, () => deliveries.deliver()));
    expect(news().length).toBe(1);
  });

  it('fires while the alerts of another entity cannot be told', async () => {
    await alertAt(MILLION_PICOS);
    await spendMillion();
    const broken = entity;
    entity = await anEntity('z');
    await alertAt(MILLION_PICOS);
    await spendMillion();
    const { pool } = books.postgres;
    await pool.query(
      `alter table spend_alert_firings add constraint no check (entity <> '${broken}') not valid`,
    );
    await expect(firing.fire()).rejects.toThrow(/^1 of 2 failed/);
    const fired = await pool.query('select from spend_alert_firings where entity = $1', [entity]);
    await pool.query('alter table spend_alert_firings drop constraint no');
    expect(fired.rowCount).toBe(1);
    expect(await firing.fire()).toBe(1);
  });

  it('fires again for another threshold in the same month only once the spend crosses that', async () => {
    const id = await alertAt(2n * MILLION_PICOS);
    await spendMillion();
    await moveTo(id, MILLION_PICOS);
    expect(await firing.fire()).toBe(1);
    for (const lower of [1n, MILLION_PICOS - 1n]) {
      await moveTo(id, lower);
      expect(await firing.fire()).toBe(0);
    }
    await spendMillion();
    expect(await firing.fire()).toBe(0);
    await moveTo(id, 3n * MILLION_PICOS);
    expect(await firing.fire()).toBe(0);
    await spendMillion();
    expect([await firing.fire(), await firing.fire()]).toEqual([1, 0]);
    await moveTo(id, 2n * MILLION_PICOS);
    await moveTo(id, 3n * MILLION_PICOS);
    expect(await firing.fire()).toBe(0);
  });

  it('fires again in the next month', async () => {
    const id = await alertAt(MILLION_PICOS);
    await spendMillion();
    expect(await firing.fire()).toBe(1);
    await spendMillion();
    await moveTo(id, 2n * MILLION_PICOS);
    expect(await firing.fire()).toBe(1);
    await moveTo(id, MILLION_PICOS);
    books.clock.set('2026-12-10T00:00:00Z');
    expect(await firing.fire()).toBe(0);
    await spendMillion();
    expect(await firing.fire()).toBe(1);
    for (let more = 1; more > 0;) more = await deliveries.deliver();
    const ids = news().map((each) => each.id);
    expect(new Set(ids).size).toBe(3);
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(ids);
  });

  it('counts late usage of the previous month while that is open, and ignores months before its creation', async () => {
    await alertAt(MILLION_PICOS);
    books.clock.set('2026-12-02T00:00:00Z');
    await spendMillion('p', new Date('2026-11-30T23:00:00Z'));
    await alertAt(MILLION_PICOS);
    expect(await firing.fire()).toBe(1);
    await deliveries.deliver();
    expect(news().map(({ data }) => data['period'])).toEqual(['2026-11']);
  });
});

describe('a message to a webhook', () => {
  async function fire(): Promise<void> {
    await alertAt(MILLION_PICOS);
    await spendMillion();
    expect(await firing.fire()).toBe(1);
  }

  it('has a signature that a Standard Webhooks library accepts, but not for another body or secret', async () => {
    books.clock.set(new Date(Math.floor(Date.now() / 1000) * 1000).toISOString());
    await fire();
    await deliveries.deliver();
    const { body, headers } = receiver.received[0]!;
    const { webhooks: library } = new OpenAI({ apiKey: 'none' });
    await library.verifySignature(body, headers, secret);
    await expect(library.verifySignature(`${body} `, headers, secret)).rejects.toThrow('signature');
    const other = await hook('http://127.0.0.1:65535/');
    await expect(library.verifySignature(body, headers, other)).rejects.toThrow('signature');
  });

  it('is retried under the same id, with growing delays, until it is accepted', async () => {
    await fire();
    receiver.answer(500);
    expect(await deliveries.deliver()).toBe(1);
    expect(await deliveries.deliver()).toBe(0);
    books.clock.advance(5_000);
    receiver.answer(null);
    expect(await deliveries.deliver()).toBe(1);
    books.clock.advance(299_000);
    expect(await deliveries.deliver()).toBe(0);
    books.clock.advance(1_000);
    receiver.answer(302, { location: receiver.url });
    expect(await deliveries.deliver()).toBe(1);
    books.clock.advance(1_800_000);
    receiver.answer(200);
    expect(await deliveries.deliver()).toBe(1);
    books.clock.advance(30 * 24 * 3_600_000);
    expect(await deliveries.deliver()).toBe(0);
    expect(receiver.received.length).toBe(4);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(4);
  });

  it('is given up after eight attempts, and pruned after a month', async () => {
    await fire();
    receiver.answer(410);
    for (let day = 0; day < 12; day += 1) {
      await deliveries.deliver();
      books.clock.advance(24 * 3_600_000);
    }
    expect(receiver.received.length).toBe(8);
    const left = () =>
      books.postgres.pool.query(
        `select d.status, d.last_error from webhook_deliveries d join webhooks w on w.id = d.webhook_id where w.entity = $1`,
        [entity],
      );
    expect((await left()).rows).toEqual([{ status: 'failed', last_error: 'status 410' }]);
    books.clock.advance(30 * 24 * 3_600_000);
    await deliveries.prune();
    expect((await left()).rows).toEqual([]);
  });

  it('goes to every webhook that receives the entity, and an unavailable one does not delay the others', async () => {
    await hook('http://127.0.0.1:65535/');
    const order = { url: `${receiver.url}/all`, entity: null, actor: 'test' };
    const all = await books.database.transaction((tx) => webhooks.create(tx, order));
    await fire();
    expect(await deliveries.deliver()).toBe(3);
    expect(receiver.received.map(({ path }) => path).toSorted()).toEqual(['/hook', '/hook/all']);
    await books.database.transaction((tx) =>
      webhooks.delete(tx, { id: all.id, only: null }, { actor: 'test' }),
    );
  });
});
