import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

const BGE = 'cw_BAAI_bge-m3';
const DEEPSEEK = 'cw_deepseek-ai_DeepSeek-R1';

/** Unix seconds of a time in November 2026. */
const at = (time: string): number => Date.parse(`2026-11-${time}Z`) / 1000;

/** The sum of a field over all results of a page. */
function total(page: OpenAI.Admin.Organization.UsageCompletionsResponse, field: string): number {
  const results: object[] = page.data.flatMap((bucket) => bucket.results);
  return results.reduce((sum, result) => sum + Number(new Map(Object.entries(result)).get(field)), 0);
}

describe('usage through the official client', () => {
  let app: TestApp;
  let client: OpenAI;
  beforeAll(async () => {
    app = await anApp();
    client = new OpenAI({
      adminAPIKey: await app.key('finance', 'entity1'),
      baseURL: `${app.url}/v1`,
      maxRetries: 0,
    });
    const event = (subject: string, time: string, more: Parameters<typeof anEvent>[0] = {}) =>
      anEvent({
        subject,
        occurredAt: new Date(`2026-11-${time}Z`),
        apiKeyId: 'key_1',
        userId: 'u_1',
        ...more,
      });
    await recordUsage(app, [
      event('entity1/search', '20T00:00:00', {
        quantities: { input: 100, cached_input: 50, output: 10 },
      }),
      event('entity1/search', '20T23:59:59.999', { apiKeyId: 'key_2', userId: null }),
      event('entity1/chat', '22T11:30:00', {
        model: DEEPSEEK,
        userId: 'u_2',
        quantities: { input: 1, output: 2 },
      }),
      event('entity1/search', '22T11:31:30', {
        model: BGE,
        operation: 'embeddings',
        quantities: { input: 7 },
      }),
      event('entity2/search', '20T12:00:00'),
    ]);
  });
  afterAll(() => app.close());

  const empty = (start: string, end: string) => ({
    object: 'bucket',
    start_time: at(start),
    end_time: at(end),
    results: [],
  });
  /** Where there is nothing but text. */
  const result = ({
    input_tokens: input = 0,
    input_cached_tokens: cached = 0,
    output_tokens: output = 0,
    ...usage
  }: {
    input_tokens?: number;
    input_cached_tokens?: number;
    output_tokens?: number;
    [field: string]: unknown;
  }) => ({
    object: 'organization.usage.completions.result',
    input_tokens: input,
    input_cached_tokens: cached,
    output_tokens: output,
    input_audio_tokens: 0,
    output_audio_tokens: 0,
    input_uncached_tokens: input - cached,
    input_cache_write_tokens: 0,
    input_text_tokens: input - cached,
    input_image_tokens: 0,
    input_cached_text_tokens: cached,
    input_cached_audio_tokens: 0,
    input_cached_image_tokens: 0,
    output_text_tokens: output,
    output_image_tokens: 0,
    num_model_requests: 1,
    project_id: null,
    user_id: null,
    api_key_id: null,
    model: null,
    batch: null,
    service_tier: null,
    ...usage,
  });

  it('has a bucket for every day, empty ones too, and counts cached tokens as input', async () => {
    const page = await client.admin.organization.usage.completions({
      start_time: at('20T00:00:00'),
      end_time: at('23T00:00:00'),
    });
    expect(JSON.parse(JSON.stringify(page))).toEqual({
      object: 'page',
      data: [
        {
          ...empty('20T00:00:00', '21T00:00:00'),
          results: [
            result({ input_tokens: 250, input_cached_tokens: 50, output_tokens: 60, num_model_requests: 2 }),
          ],
        },
        empty('21T00:00:00', '22T00:00:00'),
        {
          ...empty('22T00:00:00', '23T00:00:00'),
          results: [result({ input_tokens: 1, output_tokens: 2 })],
        },
      ],
      has_more: false,
      next_page: null,
    });
  });

  it('groups by everything that OpenAI groups by, and leaves null what is not grouped by', async () => {
    const page = await client.admin.organization.usage.completions({
      start_time: at('20T00:00:00'),
      limit: 1,
      group_by: ['project_id', 'user_id', 'api_key_id', 'model', 'batch', 'service_tier'],
    });
    const groups = { project_id: 'search', model: LLAMA, batch: false, service_tier: 'default' };
    expect(page.data[0]!.results).toEqual([
      result({
        input_tokens: 150,
        input_cached_tokens: 50,
        output_tokens: 10,
        ...groups,
        user_id: 'u_1',
        api_key_id: 'key_1',
      }),
      result({
        input_tokens: 100,
        output_tokens: 50,
        ...groups,
        user_id: null,
        api_key_id: 'key_2',
      }),
    ]);
    expect(page.has_more).toBe(true);
  });

  it.each([
    [{ project_ids: ['chat', 'nothing'] }, 1],
    [{ user_ids: ['u_1'] }, 150],
    [{ user_ids: ['u_1', 'u_2'] }, 151],
    [{ api_key_ids: ['key_2'] }, 100],
    [{ models: [LLAMA] }, 250],
    [{ models: [LLAMA], project_ids: ['chat'] }, 0],
    [{ batch: false }, 251],
    [{ batch: true }, 0],
  ])('narrows to %j', async (filter, inputTokens) => {
    const page = await client.admin.organization.usage.completions({
      start_time: at('20T00:00:00'),
      ...filter,
    });
    expect(total(page, 'input_tokens')).toBe(inputTokens);
  });

  it('shows embeddings separately', async () => {
    const page = await client.admin.organization.usage.embeddings({
      start_time: at('22T00:00:00'),
      group_by: ['model'],
    });
    expect(page.data).toEqual([
      {
        ...empty('22T00:00:00', '23T00:00:00'),
        results: [
          {
            object: 'organization.usage.embeddings.result',
            input_tokens: 7,
            num_model_requests: 1,
            project_id: null,
            user_id: null,
            api_key_id: null,
            model: BGE,
          },
        ],
      },
    ]);
  });

  it('cuts the first and the last bucket where the range begins and ends', async () => {
    const page = await client.admin.organization.usage.completions({
      start_time: at('22T11:29:30'),
      end_time: at('22T11:31:10'),
      bucket_width: '1m',
    });
    expect(
      page.data.map(({ start_time, end_time, results }) => [start_time, end_time, results.length]),
    ).toEqual([
      [at('22T11:29:30'), at('22T11:30:00'), 0],
      [at('22T11:30:00'), at('22T11:31:00'), 1],
      [at('22T11:31:00'), at('22T11:31:10'), 0],
    ]);
  });

  it('without an end, extends to the end of the current bucket', async () => {
    const { data } = await client.admin.organization.usage.completions({
      start_time: at('22T11:00:00'),
      bucket_width: '1h',
    });
    expect(data.map(({ start_time }) => start_time)).toEqual([at('22T11:00:00'), at('22T12:00:00')]);
    const later = await client.admin.organization.usage.completions({ start_time: at('25T00:00:00') });
    expect(later).toMatchObject({ data: [], has_more: false, next_page: null });
  });

  it.each([
    ['1m', 60],
    ['1h', 24],
    ['1d', 7],
  ] as const)('has pages of %s × %i buckets where nobody says otherwise', async (bucket_width, count) => {
    const page = await client.admin.organization.usage.completions({
      start_time: at('01T00:00:00'),
      bucket_width,
    });
    expect(page.data.length).toBe(count);
    expect(page.has_more).toBe(true);
  });

  it('pages by cursor to the end, each bucket once', async () => {
    const order = {
      start_time: at('19T12:00:00'),
      end_time: at('22T12:00:00'),
      bucket_width: '1h',
      limit: 10,
    } as const;
    const seen: number[] = [];
    let requests = 0;
    for (let page: string | null = ''; page !== null;) {
      const answer: OpenAI.Admin.Organization.UsageCompletionsResponse =
        await client.admin.organization.usage.completions({ ...order, ...(page === '' ? {} : { page }) });
      expect(answer.has_more).toBe(answer.next_page !== null);
      seen.push(...answer.data.map((bucket) => bucket.start_time));
      requests += total(answer, 'num_model_requests');
      page = answer.next_page;
    }
    expect(seen).toEqual(Array.from({ length: 72 }, (_, hour) => at('19T12:00:00') + hour * 3600));
    expect(requests).toBe(3);
  });

  it('takes the organization from a header for an unbound key, and from the key itself for a bound one', async () => {
    const path = `GET /v1/organization/usage/completions?start_time=${at('20T00:00:00')}&limit=1`;
    const one = await app.call(path, { headers: { 'openai-organization': 'entity2' } });
    expect(one.body.data[0].results[0].num_model_requests).toBe(1);
    const none = await app.call(path);
    expect([none.status, none.body.error.param]).toEqual([400, 'OpenAI-Organization']);
    const odd = await app.call(path, { headers: { 'openai-organization': '../x' } });
    expect([odd.status, odd.body.error.param]).toEqual([400, 'OpenAI-Organization']);
    const other = new OpenAI({
      adminAPIKey: await app.key('finance', 'entity1'),
      organization: 'entity2',
      baseURL: `${app.url}/v1`,
      maxRetries: 0,
    });
    const asked = other.admin.organization.usage.completions({ start_time: 0 });
    await expect(asked).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  });

  it('refuses with the error classes of the client', async () => {
    const bad = client.admin.organization.usage.completions({ start_time: 5, end_time: 4 });
    await expect(bad).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
    const nobody = new OpenAI({ adminAPIKey: 'sk-nobody', ...options });
    const unknown = nobody.admin.organization.usage.costs({ start_time: 5 });
    await expect(unknown).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const gateway = new OpenAI({ adminAPIKey: await app.key('gateway', 'entity1'), ...options });
    const denied = gateway.admin.organization.usage.costs({ start_time: 5 });
    await expect(denied).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  });
});
