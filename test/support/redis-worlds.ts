/** The app over a Redis of another kind than the usual one, with customers and what they use. */
import pg from 'pg';
import type { QueueReporterOptions } from '../../packages/client/src/queue-reporter.js';
import { queueReporter } from '../../packages/client/src/queue-reporter.js';
import { usageEvent } from '../../packages/client/src/protocol/usage-event.js';
import { anApp, type Answer, type TestApp } from './app.js';
import { anEventBody, LLAMA } from './builders.js';
import { countedOf, type Counted } from './counted.js';
import { until } from './until.js';

/** Enough for every node of a Cluster to have some. */
export const CUSTOMERS = Array.from({ length: 12 }, (_, n) => `customer-${n}`);

export async function anAppOn(environment: Record<string, string>): Promise<TestApp> {
  const app = await anApp({ role: 'all', environment });
  for (const entity of CUSTOMERS) {
    await app.limit(entity, { overage: 'allowed', monthly_cap_usd: '1000' });
    await app.call(`POST /v1/admin/entities/${entity}/credits`, {
      body: { amount_usd: '1', category: 'paid', reference: 'first' },
      headers: { 'idempotency-key': `first-${entity}` },
    });
  }
  return app;
}

export function reserve(app: TestApp, entity: string, requestId: string): Promise<Answer> {
  return app.call('POST /v1/quota/reservations', {
    body: {
      project: `${entity}/project1`,
      model: LLAMA,
      input_tokens: 100,
      max_output_tokens: 50,
      request_id: requestId,
    },
  });
}

export function anEventOf(
  app: TestApp,
  entity: string,
  id: string,
  reservationId?: string,
): Record<string, unknown> {
  const time = app.clock.now().toISOString();
  return anEventBody(
    { id, subject: `${entity}/project1`, time },
    reservationId === undefined ? {} : { reservation_id: reservationId },
  );
}

/** One event of each customer over the queue, from outside. */
export async function reportFromOutside(
  app: TestApp,
  options: Pick<QueueReporterOptions, 'redisUrl' | 'prefix' | 'shards'>,
): Promise<void> {
  const reporter = await queueReporter(options);
  try {
    await Promise.all(
      CUSTOMERS.map((entity) =>
        reporter.report(
          usageEvent({
            id: `outside-${entity}`,
            source: '/gateways/outside',
            project: `${entity}/project1`,
            time: app.clock.now(),
            model: LLAMA,
            operation: 'chat',
            usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
          }),
        ),
      ),
    );
  } finally {
    await reporter.close();
  }
}

export async function untilCounted(app: TestApp, events: number, secondsMax = 120): Promise<void> {
  let counted = await countedIn(app);
  await until(
    `${events} events are counted`,
    async () => {
      counted = await countedIn(app);
      return counted.events >= events;
    },
    secondsMax,
  );
  if (counted.events !== events || counted.identities !== events)
    throw new Error(`${counted.events} events are counted and not ${events}`);
}

/** Of the customers whose names begin so. */
export async function countedIn(app: TestApp, prefix = 'customer-'): Promise<Counted> {
  const client = new pg.Client({ connectionString: app.postgres.url });
  await client.connect();
  try {
    const sql = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
      (await client.query(text, [...values])).rows as Row[];
    return await countedOf({ sql }, prefix);
  } finally {
    await client.end();
  }
}

/** Everything that touches Redis, once for each customer: two requests, of which one is reported over HTTP, and a lease. */
export async function useAll(app: TestApp): Promise<void> {
  for (const entity of CUSTOMERS) {
    const [used, unused] = await Promise.all([reserve(app, entity, 'used'), reserve(app, entity, 'unused')]);
    expectStatus(used, 201);
    expectStatus(await app.call(`POST /v1/quota/reservations/${unused.body.id}/release`), 200, 204);
    const event = anEventOf(app, entity, 'inside', String(used.body.id));
    expectStatus(await app.call('POST /v1/usage/events', { body: event }), 202);
  }
}

export function expectStatus({ status, text }: Answer, ...statuses: number[]): void {
  if (!statuses.includes(status)) throw new Error(`${status} and not ${statuses.join(' or ')}: ${text}`);
}

/** What requests in flight hold, by customer. */
export async function heldBy(app: TestApp): Promise<Record<string, string>> {
  const balances = CUSTOMERS.map((entity) => app.call(`GET /v1/entities/${entity}/balance`));
  const held = (await Promise.all(balances)).map(({ body }) => String(body.held_usd));
  return Object.fromEntries(CUSTOMERS.map((entity, n) => [entity, held[n]!]));
}

export async function differencesOf(app: TestApp): Promise<unknown[]> {
  const { body } = await app.call('GET /v1/admin/reconciliation');
  return body.checks.filter((check: { ok: boolean }) => !check.ok);
}
