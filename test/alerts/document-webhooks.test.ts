import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AlertFiring } from '../../src/alerts/alert-firing.js';
import { Alerts } from '../../src/alerts/alerts.js';
import { EVENT_BODIES } from '../../src/alerts/event-bodies.schema.js';
import { MailDeliveries } from '../../src/alerts/mail-deliveries.js';
import { MailSender } from '../../src/alerts/mail-sender.js';
import { Notifications } from '../../src/alerts/notifications.js';
import { Accounts } from '../../src/accounts/accounts.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { UsageQueue } from '../../src/platform/queues.js';
import { documentOf, DocumentChecker, type ApiDocument } from '../support/api-document.js';
import { until } from '../support/until.js';
import { aWebhookWorld, type WebhookWorld } from '../support/webhook-world.js';

let world: WebhookWorld;
let document: ApiDocument;
let checker: DocumentChecker;
beforeAll(async () => {
  world = await aWebhookWorld();
  document = await documentOf(world.app);
  checker = new DocumentChecker(document);
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const sendingOf = (type: string) => document.webhooks[type]!.post;
const schemaOf = (type: string) => sendingOf(type).requestBody!.content['application/json']!.schema!;

describe('the document says what webhooks are sent', () => {
  it('names every type of event, with an example that is one', () => {
    expect(Object.keys(document.webhooks)).toEqual(Object.keys(EVENT_BODIES));
    for (const type of Object.keys(EVENT_BODIES)) {
      const { example } = sendingOf(type).requestBody!.content['application/json']!;
      const isValid = checker.validator(schemaOf(type));
      expect([type, isValid(example), isValid.errors]).toEqual([type, true, null]);
      expect((example as { type: string }).type).toBe(type);
    }
  });

  it('what is delivered has its body and its headers', async () => {
    const { app, clock, deliveries, receiver } = world;
    const { id } = await world.hook();
    await app.call(`POST /v1/admin/webhooks/${id}/test`);
    const headers = { 'openai-organization': 'entity1' };
    await app.call('POST /v1/organization/alerts', {
      headers,
      body: { kind: 'low_balance', below_usd: '10' },
    });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '5' } });
    const redis = connectRedis(app.redis.url, 'patient');
    await untilReady(redis);
    const queue = new UsageQueue(new RedisNodes(redis), clock);
    const mails = new MailDeliveries(app.database, clock, new MailSender(null));
    const alerts = new Alerts(app.database, clock, new Accounts());
    const notifications = new Notifications(deliveries, mails);
    const { reports } = app.database;
    expect(await new AlertFiring(app.database, reports, clock, queue, alerts, notifications).fire()).toBe(1);
    await queue.close();
    redis.disconnect();
    await until('both are delivered', async () => {
      await deliveries.deliver();
      return receiver.received.length >= 2;
    });
    const types = receiver.received.map(({ body, headers: sent }) => {
      const event = JSON.parse(body) as { type: string };
      const isValid = checker.validator(schemaOf(event.type));
      expect([isValid(event), isValid.errors]).toEqual([true, null]);
      const { parameters } = sendingOf(event.type);
      const own = Object.keys(sent).filter((name) => name.startsWith('webhook-'));
      expect(own.toSorted()).toEqual(parameters.map(({ name }) => name).toSorted());
      return event.type;
    });
    expect(types.toSorted()).toEqual(['low_balance.triggered', 'webhook.test']);
  });
});
