import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

/** Unix seconds of a time in November 2026. */
const at = (time: string): number => Date.parse(`2026-11-${time}Z`) / 1000;

describe('costs', () => {
  let app: TestApp;
  let client: OpenAI;
  beforeAll(async () => {
    app = await anApp();
    const adminAPIKey = await app.key('finance', 'entity1');
    client = new OpenAI({ adminAPIKey, baseURL: `${app.url}/v1`, maxRetries: 0 });
    await recordUsage(app, [
      anEvent({
        subject: 'entity1/search',
        occurredAt: new Date('2026-11-20T00:00:00Z'),
        apiKeyId: 'key_1',
        quantities: { input: 100, cached_input: 50, output: 10 },
      }),
      anEvent({
        subject: 'entity1/search',
        occurredAt: new Date('2026-11-20T23:59:59.999Z'),
        apiKeyId: 'key_2',
      }),
      anEvent({
        subject: 'entity1/chat',
        occurredAt: new Date('2026-11-22T11:30:00Z'),
        apiKeyId: 'key_1',
        model: 'cw_deepseek-ai_DeepSeek-R1',
        quantities: { input: 1, output: 2 },
      }),
      anEvent({
        subject: 'entity1/search',
        occurredAt: new Date('2026-11-22T11:31:30Z'),
        apiKeyId: 'key_1',
        model: 'cw_BAAI_bge-m3',
        operation: 'embeddings',
        quantities: { input: 7 },
      }),
    ]);
  });
  afterAll(() => app.close());

  it('writes the exact costs by line item, and by day, project and key', async () => {
    const query = `start_time=${at('20T00:00:00')}&end_time=${at('21T00:00:00')}`;
    const key = await app.key('finance', 'entity1');
    const byLine = await app.call(`GET /v1/organization/costs?${query}&group_by[]=line_item`, { key });
    const cost = (value: string, line: string, quantity: number): string =>
      `{"object":"organization.costs.result","amount":{"value":${value},"currency":"usd"},` +
      `"line_item":"${LLAMA}, ${line}","project_id":null,"api_key_id":null,"quantity":${quantity}}`;
    expect(byLine.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(byLine.text).toBe(
      `{"object":"page","data":[{"object":"bucket","start_time":${at('20T00:00:00')},"end_time":${at('21T00:00:00')},` +
        `"results":[${cost('0.0000355', 'cached input', 50)},${cost('0.000142', 'input', 200)},${cost('0.0000426', 'output', 60)}]}],` +
        `"has_more":false,"next_page":null}`,
    );
    const page = await client.admin.organization.usage.costs({
      start_time: at('20T00:00:00'),
      group_by: ['project_id', 'api_key_id'],
    });
    const named = (value: number, project_id: string, api_key_id: string) => ({
      object: 'organization.costs.result',
      amount: { value, currency: 'usd' },
      line_item: null,
      project_id,
      api_key_id,
    });
    expect(page.data.map(({ results }) => results)).toEqual([
      [named(0.0001136, 'search', 'key_1'), named(0.0001065, 'search', 'key_2')],
      [],
      [named(0.00001215, 'chat', 'key_1'), named(0.00000007, 'search', 'key_1')],
    ]);
  });

  it('writes all digits of amounts that a double cannot hold', async () => {
    const event = anEvent({
      subject: 'large/p',
      quantities: { input: 2_000_000_001, output: 1_999_999_999 },
      occurredAt: new Date('2026-11-21T05:00:00Z'),
    });
    await app.call('PUT /v1/admin/entities/large', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/prices', {
      body: {
        model: LLAMA,
        entity: 'large',
        effective_from: '2026-11-01',
        input_usd_per_million: '9876.543211',
        output_usd_per_million: '1234.567891',
      },
    });
    await recordUsage(app, [event]);
    const answer = await app.call(`GET /v1/organization/costs?start_time=${at('21T00:00:00')}`, {
      headers: { 'openai-organization': 'large' },
    });
    const picos = 2_000_000_001n * 9_876_543_211n + 1_999_999_999n * 1_234_567_891n;
    expect(picos).toBe(22_222_222_212_641_975_320n);
    expect(answer.text).toContain('"amount":{"value":22222222.21264197532,"currency":"usd"}');
  });

  it('has 7 days by default, and at most 180', async () => {
    const usual = await client.admin.organization.usage.costs({ start_time: at('01T00:00:00') });
    expect([usual.data.length, usual.has_more]).toEqual([7, true]);
    const most = await client.admin.organization.usage.costs({ start_time: 0, limit: 180 });
    expect([most.data.length, most.data.at(-1)!.end_time]).toEqual([180, 180 * 86_400]);
  });

  it.each([
    [{ project_ids: ['chat'] }, 0.00001215],
    [{ api_key_ids: ['key_2'] }, 0.0001065],
    [{ project_ids: ['chat'], api_key_ids: ['key_2'] }, undefined],
  ])('narrows to %j', async (filter, value) => {
    const page = await client.admin.organization.usage.costs({ start_time: at('20T00:00:00'), ...filter });
    const amounts = page.data
      .flatMap(({ results }) => results)
      .map((one) => ('amount' in one ? one.amount?.value : -1));
    expect(amounts).toEqual(value === undefined ? [] : [value]);
  });

  it('shows usage that has no price yet, at no cost', async () => {
    await recordUsage(app, [anEvent({ subject: 'early/p', model: 'brand-new' })]);
    const answer = await app.call(
      `GET /v1/organization/costs?start_time=${at('22T00:00:00')}&group_by=line_item`,
      {
        headers: { 'openai-organization': 'early' },
      },
    );
    expect(answer.body.data[0].results).toMatchObject([
      { line_item: 'brand-new, input', quantity: 100, amount: { value: 0 } },
      { line_item: 'brand-new, output', quantity: 50, amount: { value: 0 } },
    ]);
  });
});
