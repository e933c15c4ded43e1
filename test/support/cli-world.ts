/** A service with everything that an admin comes for: customers, credits, a refused request, and whatever waits for a person. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from './app.js';
import { anEventBody, LLAMA } from './builders.js';
import { aCli, type TestCli } from './cli.js';
import { until } from './until.js';

export type CliWorld = TestCli & {
  readonly app: TestApp;
  /** For the files of commands; it is removed at the end. */
  readonly directory: string;
  /** Usage of `acme/search`, counted: its event is named by this id. */
  readonly eventId: string;
  /** The month of that usage. */
  readonly period: string;
  /** A request of `globex/chat` that was refused for want of credits. */
  readonly decision: string;
  /** The id of a dead letter of `acme/search`, whose event `bad` occurred too long ago. */
  readonly letter: string;
  readonly conflict: string;
  /** Sends an event of `acme/search`, and resolves once it is counted. */
  report(id: string): Promise<void>;
  readonly close: () => Promise<void>;
};

export const UNPRICED = 'acme-chat-1';
export const SOURCE = '/gateways/test';
export const TOO_OLD = '2020-01-01T00:00:00Z';

export async function aCliWorld(): Promise<CliWorld> {
  const app = await anApp({ role: 'all', clock: new Clock(), environment: { UNPRICED_MODELS: 'admit' } });
  const call: TestApp['call'] = (...request) => app.call(...request);
  await call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
  await call('PUT /v1/admin/entities/globex', { body: { plan: 'free' } });
  await call('POST /v1/admin/entities/acme/credits', {
    body: { amount_usd: '500', category: 'paid', reference: 'inv_1', note: 'first' },
  });
  await call('PUT /v1/admin/entities/acme/projects/search', { body: {} });
  await call('POST /v1/admin/webhooks', { body: { url: 'https://hooks.example.com/tally' } });
  const decision = await refusedOf(app);
  const [eventId, time] = ['chatcmpl-1', app.clock.now().toISOString()];
  const event = (id: string, model: string, prompt = 800) =>
    anEventBody(
      { id, subject: 'acme/search', time },
      { model, usage: { prompt_tokens: prompt, completion_tokens: 200, total_tokens: prompt + 200 } },
    );
  const bad = anEventBody({ id: 'bad', subject: 'acme/search', time: TOO_OLD });
  const isCounted = async (id: string) =>
    (await call(`GET /v1/entities/acme/events?event_id=${id}`)).body.data.length > 0;
  const report = async (id: string, model = LLAMA) => {
    await call('POST /v1/usage/events', { body: event(id, model) });
    await until('it is counted', () => isCounted(id));
  };
  await report(eventId);
  await report('unpriced-1', UNPRICED);
  await call('POST /v1/usage/events', { body: [event(eventId, LLAMA, 900), bad] });
  const waiting = async (path: string) => (await call(`GET /v1/admin/${path}?entity=acme`)).body.data;
  await until('the rest waits for a person', async () => {
    const all = await Promise.all(['dead_letters', 'usage_conflicts'].map(waiting));
    return all.every((list) => list.length === 1);
  });
  const [letter, conflict] = await Promise.all(
    ['dead_letters', 'usage_conflicts'].map(async (path) => String((await waiting(path))[0].id)),
  );
  // Denials are counted a second later, together.
  await until('the denial is counted', async () => {
    const { body } = await call('GET /v1/entities/globex');
    return body.denied_requests === 1;
  });
  const directory = await mkdtemp(join(tmpdir(), 'tally-cli-'));
  return {
    ...aCli(app),
    app,
    directory,
    eventId,
    period: time.slice(0, 7),
    decision,
    letter: letter!,
    conflict: conflict!,
    report,
    async close() {
      await app.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** The plan `free` blocks overage, and there are no credits. */
async function refusedOf(app: TestApp): Promise<string> {
  const { status, body } = await app.call('POST /v1/quota/reservations', {
    body: {
      project: 'globex/chat',
      model: LLAMA,
      input_tokens: 100,
      max_output_tokens: 100,
      request_id: 'req_1',
    },
  });
  if (status !== 429) throw new Error(`the request was answered ${status}`);
  return String(body.error.details.decision_id);
}
