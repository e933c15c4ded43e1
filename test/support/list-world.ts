/** Two customers with some rows on every list, for the tests of paging. */
import assert from 'node:assert/strict';
import { newEvent } from '../../src/alerts/event.js';
import { MailDeliveries } from '../../src/alerts/mail-deliveries.js';
import { MailSender } from '../../src/alerts/mail-sender.js';
import { insertConflicts } from '../../src/metering/usage-conflicts.sql.js';
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';
import { anApp, type TestApp } from './app.js';
import { anEvent, LLAMA } from './builders.js';
import { until } from './until.js';
import { recordUsage } from './usage.js';

export const ENTITIES = ['entity1', 'entity2'] as const;
/** Rows that a list has of each customer, at least. */
export const ROWS = 3;

const INDEXES = Array.from({ length: ROWS }, (_, index) => index + 1);

export type ListWorld = {
  readonly app: TestApp;
  /** By entity: a key of the role `owner`, and a webhook that was sent something. */
  readonly owners: ReadonlyMap<string, string>;
  readonly hooks: ReadonlyMap<string, string>;
};

export async function aListWorld(): Promise<ListWorld> {
  const app = await anApp();
  const owners = new Map<string, string>();
  const hooks = new Map<string, string>();
  for (const entity of ENTITIES) {
    await asked(app, `PUT /v1/admin/entities/${entity}`, { plan: 'pro' });
    owners.set(entity, await app.key('owner', entity));
    hooks.set(entity, await aHook(app, entity));
    for (const index of INDEXES) await callsOf(app, entity, index);
    await usageOf(app, entity);
    await troublesOf(app, entity);
    await requestsOf(app, entity);
  }
  for (const _ of INDEXES) {
    await asked(app, 'GET /v1/admin/reconciliation');
    await asked(app, 'POST /v1/admin/alerts', { kind: 'unpriced_usage' });
  }
  return { app, owners, hooks };
}

/** Throws unless it is answered with 2xx. */
async function asked(
  app: TestApp,
  request: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await app.call(request, { body, headers });
  assert(answer.status < 300, `${request}: ${answer.text}`);
  return String(answer.body.id);
}

async function aHook(app: TestApp, entity: string): Promise<string> {
  const id = await asked(app, 'POST /v1/admin/webhooks', { url: 'https://example.com/hook', entity });
  for (const _ of INDEXES) await asked(app, `POST /v1/admin/webhooks/${id}/test`, {});
  return id;
}

/** What calls make, once each. */
async function callsOf(app: TestApp, entity: string, index: number): Promise<void> {
  const organization = { 'openai-organization': entity };
  const limit = { threshold_amount: 1_000 * index };
  const key = { name: `k${index}`, role: 'owner', entity };
  const price = { model: `agreed-${index}`, entity, input_usd_per_million: '1', output_usd_per_million: '1' };
  const alerts = '/v1/organization/spend_alerts';
  await asked(app, `PUT /v1/admin/entities/${entity}/projects/project${index}`, {});
  await asked(app, `POST /v1/admin/entities/${entity}/credits`, { amount_usd: '5' });
  await asked(app, 'POST /v1/admin/keys', key);
  await asked(app, 'POST /v1/admin/prices', price);
  await asked(app, 'POST /v1/admin/webhooks', { url: 'https://example.com/hook', entity });
  await asked(app, 'POST /v1/organization/alerts', { kind: 'unread_fields' }, organization);
  await asked(app, `POST ${alerts}`, limit, organization);
  await asked(app, `POST ${alerts.replace('spend', 'projects/project1/spend')}`, limit, organization);
}

/** Counted events, of which some are voided, and some wait for a price. */
async function usageOf(app: TestApp, entity: string): Promise<void> {
  const of = (index: number, model: string) =>
    anEvent({ id: `${entity}-${model}-${index}`, subject: `${entity}/project${index}`, model });
  const events = INDEXES.flatMap((index) => [of(index, LLAMA), of(index, `unpriced-${index}`)]);
  await recordUsage(app, events);
  for (const { source, id } of events.filter(({ model }) => model === LLAMA)) {
    const path = `/v1/admin/usage_events/${encodeURIComponent(source)}/${id}/void`;
    await asked(app, `POST ${path}`, { reason: 'test', entity });
  }
}

async function troublesOf(app: TestApp, entity: string): Promise<void> {
  const { database, clock } = app;
  const digits = entity === 'entity1' ? 'a' : 'b';
  const event = newEvent({ type: 'webhook.test', at: clock.now(), data: {} });
  const recipients = INDEXES.map((index) => `r${index}@example.com`);
  const mails = new MailDeliveries(database, clock, new MailSender(null));
  const letter = { event, entity, recipients, subject: 'News', body: 'It is so.' };
  await database.transaction((tx) => mails.enqueue(tx, [letter], clock.now()));
  await insertDeadLetters(
    database.reader,
    INDEXES.map((index) => ({
      code: `code_${index}`,
      message: 'test',
      payload: `{"n":${index}}`,
      jobId: null,
      entity,
      project: `project${index}`,
      source: null,
      eventId: null,
    })),
  );
  const conflicts = INDEXES.map((index) => ({
    identity: `0000000${index}-0000-0000-0000-00000000000${digits}`,
    fingerprint: `0000000${index}-0000-0000-0000-00000000000${digits}`,
    event: anEvent({ subject: `${entity}/project${index}` }),
    originalOccurredAt: clock.now(),
  }));
  await insertConflicts(database.reader, conflicts, clock.now());
}

/** Requests in flight, and denied ones. */
async function requestsOf(app: TestApp, entity: string): Promise<void> {
  const body = { project: `${entity}/project1`, model: LLAMA, input_tokens: 10, max_output_tokens: 10 };
  for (const _ of INDEXES) await asked(app, 'POST /v1/quota/reservations', body);
  await app.limit(entity, { monthly_cap_usd: '0' });
  for (const _ of INDEXES)
    assert.equal((await app.call('POST /v1/quota/reservations', { body })).status, 429);
  await until('the denials are listed', async () => {
    const { body: list } = await app.call(`GET /v1/entities/${entity}/denials`);
    return list.data.length === ROWS;
  });
}
