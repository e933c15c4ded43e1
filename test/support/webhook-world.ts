/** The app with a receiver of webhooks, and the deliveries that a test makes by hand. */
import { WebhookDeliveries } from '../../src/alerts/webhook-deliveries.js';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { anApp, type TestApp } from './app.js';
import { aReceiver, type Receiver } from './receiver.js';
import { TestClock } from './test-clock.js';

export type WebhookWorld = {
  readonly clock: TestClock;
  readonly app: TestApp;
  readonly receiver: Receiver;
  readonly deliveries: WebhookDeliveries;
  /** Without webhooks, at noon, and with a receiver that takes everything. */
  reset(): Promise<void>;
  hook(options?: {
    url?: string;
    key?: string;
    entity?: string | null;
  }): Promise<{ id: string; secret: string }>;
  close(): Promise<void>;
};

export async function aWebhookWorld(): Promise<WebhookWorld> {
  const clock = new TestClock();
  const app = await anApp({ clock, environment: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
  await Promise.all(
    ['entity1', 'entity2', 'entity9'].map((entity) =>
      app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'pro' } }),
    ),
  );
  const receiver = await aReceiver();
  return {
    clock,
    app,
    receiver,
    deliveries: new WebhookDeliveries(app.database, clock, new WebhookSender({ allowPrivate: true })),
    async reset() {
      clock.set('2026-11-22T12:00:00Z');
      await app.postgres.pool.query('truncate webhooks, webhook_deliveries');
      receiver.received.length = 0;
      receiver.answer(204);
    },
    async hook({ url = receiver.url, key = app.adminKey, entity = 'entity1' } = {}) {
      const { body } = await app.call('POST /v1/admin/webhooks', { key, body: { url, entity } });
      return body as { id: string; secret: string };
    },
    async close() {
      await receiver.close();
      await app.close();
    },
  };
}
