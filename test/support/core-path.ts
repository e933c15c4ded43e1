/** What a customer and finance see of a month's turn: bought, reserved, counted on both sides of midnight, reported and reconciled. */
import type { TestApp } from './app.js';
import { anEventBody, LLAMA } from './builders.js';
import { until } from './until.js';

/** Half past eleven at night of the day before in New York, on the day on which its summer ends. */
export const TURN = '2026-11-01T03:30:00Z';

const TIMES = [
  '2026-10-31T23:59:59.999Z',
  '2026-11-01T00:00:00.000Z',
  '2026-11-01T02:10:00Z',
  '2026-10-01T03:00:00Z',
];

/** The clock of the app stands at TURN, and it has the role `all`. */
export async function corePath(app: TestApp): Promise<Record<string, unknown>> {
  const headers = { 'openai-organization': 'entity1' };
  const start = Date.parse('2026-10-01T00:00:00Z') / 1_000;
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '5' } });
  const reserved = await app.call('POST /v1/quota/reservations', {
    body: { project: 'entity1/p', model: LLAMA, input_tokens: 1_000, max_output_tokens: 0 },
  });
  const events = TIMES.map((time, index) => anEventBody({ id: `e${index}`, subject: 'entity1/p', time }));
  await app.call('POST /v1/usage/events', { body: events });
  await until('all are counted', async () => {
    return (
      (await app.database.reader.$queryRaw<object[]>`select id from usage_events`).length === TIMES.length
    );
  });
  const read = async (path: string) => (await app.call(`GET ${path}`, { headers })).body;
  const { checks } = await read('/v1/admin/reconciliation');
  const november = await read('/v1/entities/entity1/statements/2026-11');
  const october = await read('/v1/entities/entity1/statements/2026-10');
  const balance = await read('/v1/entities/entity1/balance');
  const focus = await app.call('GET /v1/exports/focus.csv?period=2026-10', { headers });
  const seen = {
    reserved: [reserved.status, reserved.body.period, reserved.body.hold_usd],
    october,
    november,
    balance: [balance.credits_usd, balance.period],
    days: await read(`/v1/organization/costs?start_time=${start}&limit=40`),
    hours: await read(`/v1/organization/usage/completions?start_time=${start}&bucket_width=1h&limit=168`),
    usage: await read('/v1/entities/entity1/usage'),
    activity: (await read('/v1/entities/entity1/activity')).days,
    focus: [focus.status, focus.text.split('\n').length],
    differing: checks.filter((check: { ok: boolean }) => !check.ok),
  };
  // Ids are random.
  return JSON.parse(JSON.stringify(seen).replaceAll(/grant_\w+/g, 'grant'));
}
