/** A gateway with GATEWAY_LEASES: it asks Tally rarely instead of before each request, with the same results. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { aGateway, CALLER_KEY, CHAT_MODEL, errorOf, type TestGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

const messages = [{ role: 'user' as const, content: 'What does a token cost?' }];
const chat = { model: CHAT_MODEL, messages, max_tokens: 10 };
const REQUESTS = 60;

let app: TestApp;
let gateway: TestGateway;

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  const env = {
    GATEWAY_KEYS: `${CALLER_KEY}:leased`,
    GATEWAY_LEASES: 'true',
    GATEWAY_METRICS_PORT: '0',
    REDIS_URL: app.redis.url,
  };
  gateway = await aGateway({ url: app.url, apiKey: await app.key('gateway') }, { env });
});
afterAll(() => app.close());

const balance = async () => (await app.call('GET /v1/entities/leased/balance')).body;
/** Decisions that Tally has made. */
const decisions = async () => {
  const { text } = await app.call('GET /metrics');
  const counts = text.split('\n').filter((line) => line.startsWith('tally_quota_decisions_total{'));
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

/** A metric of the gateway. */
const figure = async (name: string) => {
  const text = await (await fetch(gateway.metricsUrl!)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
};

describe('a gateway with leases', () => {
  it('serves most requests without asking Tally, charges all, and stops serving when the credits are voided', async () => {
    await app.call('PUT /v1/admin/entities/leased', { body: { plan: 'free' } });
    const { body: grant } = await app.call('POST /v1/admin/entities/leased/credits', {
      body: { amount_usd: '1' },
    });
    for (let n = 0; n < REQUESTS; n += 1) await gateway.openai().chat.completions.create(chat);
    const asked = await decisions();
    expect(asked).toBeLessThan(REQUESTS / 2);
    expect(await figure('tally_gateway_decisions_total{decided="central"}')).toBe(asked);
    expect(await figure('tally_gateway_decisions_total{decided="local"}')).toBe(REQUESTS - asked);
    expect(await figure('tally_gateway_leases')).toBe(1);
    expect(await figure('tally_gateway_leases_usd{part="free"}')).toBeGreaterThan(0);
    expect(await figure('tally_gateway_outbox_fill')).toBeLessThan(0.1);
    await until('all is charged', async () => (await balance()).month_to_date_usd === '0.000852');

    const path = `POST /v1/admin/entities/leased/credits/${grant.id}/void`;
    expect((await app.call(path, { body: { reason: 'test' } })).status).toBe(200);
    let error: unknown;
    await until('a request is denied', async () => {
      error = await gateway
        .openai()
        .chat.completions.create(chat)
        .then(() => null)
        .catch((denial: unknown) => denial);
      return error !== null;
    });
    expect(error).toMatchObject({ status: 429, code: 'insufficient_quota' });
    expect(await errorOf(gateway.openai().chat.completions.create(chat))).toMatchObject({ status: 429 });

    await gateway.close();
    await until('nothing is held', async () => (await balance()).held_usd === '0');
    expect((await app.call('GET /v1/admin/reconciliation')).body.ok).toBe(true);
  });
});
