import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

const START = Date.parse('2026-11-20T00:00:00Z') / 1000;
const RANGE = { start_time: START, end_time: START + 3 * 86_400 };

/** Every kind of usage that the official client asks for. */
const KINDS = [
  'completions',
  'embeddings',
  'moderations',
  'images',
  'audioSpeeches',
  'audioTranscriptions',
  'vectorStores',
  'codeInterpreterSessions',
  'fileSearchCalls',
  'webSearchCalls',
] as const;

describe('the kinds of usage, through the official client', () => {
  let app: TestApp;
  let client: OpenAI;
  beforeAll(async () => {
    app = await anApp();
    const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
    client = new OpenAI({ adminAPIKey: await app.key('finance', 'entity1'), ...options });
    const at = (day: number) => new Date(`2026-11-${day}T11:30:00Z`);
    const event = (operation: string, day: number, more: Parameters<typeof anEvent>[0] = {}) =>
      anEvent({ operation, occurredAt: at(day), apiKeyId: 'key_1', userId: 'u_1', ...more });
    await recordUsage(app, [
      event('chat', 20, { quantities: { input: 100, output: 10 } }),
      event('responses', 20, { quantities: { input: 5, output: 5, search: 3 } }),
      event('responses', 20, { quantities: { input: 1, search: 1, session: 2 }, subject: 'entity1/other' }),
      event('embeddings', 20, { quantities: { input: 7 } }),
      event('moderations', 21, { model: 'omni-moderation', quantities: { input: 11 } }),
      event('images', 21, { model: 'painter', quantities: { image: 4 } }),
      event('images', 21, { model: 'painter', quantities: { image: 1 }, userId: null }),
      event('audio.speech', 22, { model: 'speaker', quantities: { input_character: 900 } }),
      event('audio.transcriptions', 22, { model: 'listener', quantities: { input_second: 61 } }),
    ]);
  });
  afterAll(() => app.close());

  const usage = () => client.admin.organization.usage;
  const resultsOf = (page: { data: { results: object[] }[] }) => page.data.flatMap(({ results }) => results);

  it('are all answered, each with its own object and figures', async () => {
    const answers = Object.fromEntries(
      await Promise.all(KINDS.map(async (kind) => [kind, resultsOf(await usage()[kind](RANGE))] as const)),
    );
    const none = { project_id: null };
    const nobody = { ...none, user_id: null, api_key_id: null };
    expect(answers).toMatchObject({
      completions: [
        { object: 'organization.usage.completions.result', input_tokens: 106, num_model_requests: 3 },
      ],
      embeddings: [{ input_tokens: 7, num_model_requests: 1 }],
      vectorStores: [],
      fileSearchCalls: [],
    });
    expect(answers['moderations']).toEqual([
      {
        object: 'organization.usage.moderations.result',
        input_tokens: 11,
        num_model_requests: 1,
        ...nobody,
        model: null,
      },
    ]);
    expect(answers['images']).toEqual([
      {
        object: 'organization.usage.images.result',
        images: 5,
        num_model_requests: 2,
        ...nobody,
        model: null,
        size: null,
        source: null,
      },
    ]);
    expect(answers['audioSpeeches']).toMatchObject([
      { object: 'organization.usage.audio_speeches.result', characters: 900, num_model_requests: 1 },
    ]);
    expect(answers['audioTranscriptions']).toMatchObject([
      { object: 'organization.usage.audio_transcriptions.result', seconds: 61, num_model_requests: 1 },
    ]);
    expect(answers['webSearchCalls']).toMatchObject([
      { object: 'organization.usage.web_searches.result', num_requests: 4, num_model_requests: 2 },
    ]);
    expect(answers['codeInterpreterSessions']).toEqual([
      { object: 'organization.usage.code_interpreter_sessions.result', num_sessions: 2, ...none },
    ]);
  });

  it('count every request in one kind of operation only', async () => {
    const byModel = { ...RANGE, group_by: ['model'] as never };
    const counted = await Promise.all(
      (
        [
          'completions',
          'embeddings',
          'moderations',
          'images',
          'audioSpeeches',
          'audioTranscriptions',
        ] as const
      ).map(async (kind) => resultsOf(await usage()[kind](byModel))),
    );
    const requests = counted.flat().map((result) => Number(Reflect.get(result, 'num_model_requests')));
    expect(requests.reduce((sum, each) => sum + each, 0)).toBe(9);
  });

  it.each(KINDS)(
    '%s: pages go on where the one before ended, with the same buckets as one large page',
    async (kind) => {
      const whole = await usage()[kind](RANGE);
      const buckets: object[] = [];
      let page: string | null = null;
      for (let turn = 0; turn < 10; turn += 1) {
        const next: { data: object[]; has_more: boolean; next_page: string | null } = await usage()[kind]({
          ...RANGE,
          limit: 1,
          ...(page !== null && { page }),
        });
        buckets.push(...next.data);
        expect(next.has_more).toBe(next.next_page !== null);
        page = next.next_page;
        if (page === null) break;
      }
      expect(buckets).toHaveLength(3);
      expect(buckets).toEqual(whole.data);
    },
  );

  it.each(KINDS)('%s: groups by project, by hour and by minute too', async (kind) => {
    for (const bucket_width of ['1d', '1h', '1m'] as const) {
      const page = await usage()[kind]({
        start_time: START + 11 * 3_600,
        end_time: START + 11 * 3_600 + 3_600,
        bucket_width,
        group_by: ['project_id'],
        project_ids: ['project1', 'other'],
      });
      expect(page.data.length).toBe(bucket_width === '1m' ? 60 : 1);
    }
  });

  it('a filter or a group that no server reports matches nothing and is null', async () => {
    const sized = await usage().images({ ...RANGE, sizes: ['256x256'] });
    expect([sized.data.length, resultsOf(sized)]).toEqual([3, []]);
    const searched = await usage().webSearchCalls({ ...RANGE, context_levels: ['low'] });
    expect(resultsOf(searched)).toEqual([]);
    const grouped = resultsOf(await usage().images({ ...RANGE, group_by: ['size', 'source', 'user_id'] }));
    expect(grouped).toMatchObject([
      { images: 4, user_id: 'u_1', size: null, source: null },
      { images: 1, user_id: null, size: null, source: null },
    ]);
  });

  it.each(KINDS)(
    "%s: an unknown parameter is refused with OpenAI's error, which the client understands",
    async (kind) => {
      const refused = usage()[kind]({ ...RANGE, colour: 'red' } as never);
      await expect(refused).rejects.toMatchObject({
        status: 400,
        param: 'colour',
        code: 'invalid_request',
        type: 'invalid_request_error',
      });
      await expect(refused).rejects.toBeInstanceOf(OpenAI.BadRequestError);
      const backwards = usage()[kind]({ start_time: START, end_time: START });
      await expect(backwards).rejects.toMatchObject({ status: 400, param: 'end_time' });
      await expect(usage()[kind]({ ...RANGE, page: 'page_none' })).rejects.toMatchObject({ param: 'page' });
    },
  );

  it.each(KINDS)('%s: an organization that does not exist is not found', async (kind) => {
    const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
    const all = new OpenAI({ adminAPIKey: app.adminKey, organization: 'nosuch', ...options });
    await expect(all.admin.organization.usage[kind](RANGE)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('costs are by project, line item and key, and of a customer that exists', async () => {
    const costs = await usage().costs({ ...RANGE, group_by: ['project_id', 'line_item', 'api_key_id'] });
    expect(resultsOf(costs)).toContainEqual(
      expect.objectContaining({ project_id: 'project1', api_key_id: 'key_1', line_item: expect.any(String) }),
    );
    const options = { baseURL: `${app.url}/v1`, maxRetries: 0 };
    const all = new OpenAI({ adminAPIKey: app.adminKey, organization: 'nosuch', ...options });
    await expect(all.admin.organization.usage.costs(RANGE)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('projects are listed page by page and retrieved by name, with no rate limits', async () => {
    const { projects } = client.admin.organization;
    const names: string[] = [];
    for await (const project of projects.list({ limit: 1 })) names.push(project.id);
    expect(names).toEqual(['other', 'project1']);
    expect(await projects.retrieve('other')).toMatchObject({
      object: 'organization.project',
      id: 'other',
      name: 'other',
      status: 'active',
      created_at: expect.any(Number),
    });
    await expect(projects.retrieve('nosuch')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect((await projects.rateLimits.listRateLimits('other')).data).toEqual([]);
    await expect(projects.rateLimits.listRateLimits('nosuch')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});
