/** LiteLLM's generic_api logger as it posts: recorded payloads in each of its formats. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type CallOptions, type TestApp } from '../../support/app.js';
import { litellmBatch, recorded, withConversation } from '../../support/litellm-logs.js';
import { TestClock } from '../../support/test-clock.js';
import { until } from '../../support/until.js';

let app: TestApp;
beforeAll(async () => {
  // The payloads were recorded then.
  app = await anApp({ role: 'all', clock: new TestClock(new Date('2026-11-28T12:00:00Z')) });
});
afterAll(() => app.close());

const post = (body: unknown, query = '', options: CallOptions = {}) =>
  app.call(`POST /v1/usage/litellm${query}`, { body, ...options });

const countedOf = async (entity: string) =>
  (
    await app.postgres.pool.query(
      `select project, model, operation, usage_source as source, input_tokens::int as input, cached_input_tokens::int as cached,
         output_tokens::int as output, occurred_at as at, request_id from rated_events where entity = $1 order by occurred_at, id`,
      [entity],
    )
  ).rows;

const outcomes = async (outcome: string): Promise<number> => {
  const { text } = await app.call('GET /metrics');
  return Number(new RegExp(`usage_events_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
};

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

/** A subject of its own for each test. */
const paidBy = (entity: string) => `?subject=${encodeURIComponent(`${entity}/{team_id}`)}`;

describe('a batch of logs of LiteLLM', () => {
  it('counts what somebody pays for, leaves out failures and cache hits, and counts nothing twice when it comes again', async () => {
    const first = await post(litellmBatch());
    expect([first.status, first.body]).toEqual([
      202,
      {
        object: 'usage.receipt',
        accepted: 6,
        rejected: [],
        left_out: [
          { index: 2, id: 'a433b801-74db-4374-ac84-a8ec2cda4fdc', reason: 'cache_hit' },
          { index: 7, id: '6a43b82b-6638-4a18-9ba9-e9de2968a827', reason: 'failure' },
        ],
      },
    ]);
    await until('they are counted', async () => (await countedOf('org-1')).length === 6);
    const model = 'cw_meta-llama_Llama-3.3-70B-Instruct';
    const chat = { project: 'team-1', model, operation: 'chat', source: 'reported' };
    expect(await countedOf('org-1')).toMatchObject([
      { ...chat, input: 4, cached: 4, output: 10, at: new Date('2026-11-28T08:52:00.140Z') },
      { ...chat, source: 'estimated', input: 13, cached: 0, output: 26 },
      { project: 'team-1', model: 'emb', operation: 'embeddings', input: 8, cached: 0, output: 0 },
      { ...chat, operation: 'responses', input: 4, cached: 4, output: 24 },
      { ...chat, input: 4, cached: 4, output: 10, request_id: 'chosen-by-the-caller' },
      { ...chat, input: 4, cached: 4, output: 10, request_id: 'chosen-by-the-caller' },
    ]);
    const before = await outcomes('duplicate');
    expect((await post(litellmBatch())).body.accepted).toBe(6);
    await until('they are known again', async () => (await outcomes('duplicate')) - before === 6);
    expect(await countedOf('org-1')).toHaveLength(6);
    expect((await app.call('GET /v1/admin/usage_conflicts')).body.data).toEqual([]);
  });

  it.each([
    ['array', (logs: object[]) => JSON.stringify(logs), 'application/json'],
    ['ndjson', (logs: object[]) => logs.map((log) => JSON.stringify(log)).join('\n'), 'application/json'],
    [
      'x-ndjson',
      (logs: object[]) => `${logs.map((log) => JSON.stringify(log)).join('\r\n')}\n`,
      'application/x-ndjson',
    ],
    ['indented', (logs: object[]) => JSON.stringify(logs, null, 2), 'application/json'],
  ])('is taken as %s', async (form, write, type) => {
    const { status, body } = await post(write(litellmBatch()), paidBy(`form-${form}`), {
      headers: { 'content-type': type },
    });
    expect([status, body.accepted, body.left_out.length, body.rejected]).toEqual([202, 6, 2, []]);
    await until('they are counted', async () => (await countedOf(`form-${form}`)).length === 6);
  });

  it('may be one log alone, and holds nothing of the conversation anywhere afterwards', async () => {
    const secret = 'my-secret-conversation';
    const bad = { ...recorded('chat'), endTime: 'yesterday', startTime: 2 };
    const good = { ...recorded('chat'), startTime: 1 };
    for (const log of [good, bad]) await post(withConversation(log, secret), paidBy('secretive'));
    await until('one is counted', async () => (await countedOf('secretive')).length === 1);
    const letters = async () => (await app.call('GET /v1/admin/dead_letters?entity=secretive')).body.data;
    await until('the other is a dead letter', async () => (await letters()).length === 1);
    expect((await letters())[0]).toMatchObject({
      code: 'invalid_event',
      message: expect.stringContaining('time'),
    });
    expect(JSON.stringify(await letters())).not.toContain(secret);
  });

  const zeros = {
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    prompt_tokens_details: { cached_tokens: 0 },
  };
  const nulls = { prompt_tokens: null, completion_tokens: null, total_tokens: null };
  const answered = (startTime: number, call_type: string, usage: unknown, usage_object: unknown = usage) => {
    const chat = recorded('chat');
    const response = { ...Object(chat['response']), usage };
    return { ...chat, startTime, call_type, response, metadata: { ...chat.metadata, usage_object } };
  };

  it.each([
    ['zeros of a stream', 'atext_completion', zeros],
    ['zeros of a chat', 'acompletion', zeros],
    ['zeros of an image', 'aimage_generation', zeros],
    ['zeros of a call that LiteLLM passes through', 'pass_through_endpoint', zeros],
    ['zeros of a call of next year', 'adream', zeros],
    ['nothing', 'aresponses', nulls],
  ])(
    'with %s is refused with what to set in LiteLLM, and is a dead letter',
    async (what, callType, usage) => {
      const entity = `uncounted-${what.replaceAll(' ', '-')}`;
      const counted = answered(6, callType, USAGE);
      const { status, body } = await post([answered(5, callType, usage), counted], paidBy(entity));
      expect([status, body.accepted, body.rejected.length]).toEqual([202, 1, 1]);
      expect(body.rejected[0]).toMatchObject({ index: 0, code: 'invalid_event' });
      expect(body.rejected[0].message).toContain('always_include_stream_usage');
      await until('it is a dead letter', async () => {
        const { data } = (
          await app.call('GET /v1/admin/dead_letters?code=invalid_event&status=open&limit=100')
        ).body;
        return data.some(({ payload }: { payload: { subject: string } }) =>
          payload.subject.startsWith(`${entity}/`),
        );
      });
    },
  );

  it('with zeros in one place and counts in the other is counted', async () => {
    const logs = [answered(7, 'acompletion', zeros, USAGE), answered(8, 'acompletion', USAGE, zeros)];
    expect((await post(logs, paidBy('two-places'))).body).toMatchObject({ accepted: 2, rejected: [] });
    await until('both are counted', async () => (await countedOf('two-places')).length === 2);
    expect(await countedOf('two-places')).toMatchObject([
      { input: 9, output: 3 },
      { input: 9, output: 3 },
    ]);
  });

  it('of a moderation has no count and is none that is missing', async () => {
    expect((await post([answered(9, 'amoderation', zeros)], paidBy('moderated'))).body).toMatchObject({
      accepted: 1,
      rejected: [],
    });
  });

  it('that comes again under another name of its proxy is a conflict, and is not counted again', async () => {
    const log = { ...recorded('chat'), startTime: 10 };
    const under = (name: string) => post(log, `${paidBy('renamed')}&source=${encodeURIComponent(name)}`);
    expect((await under('/litellm/eu-1')).body.accepted).toBe(1);
    await until('it is counted', async () => (await countedOf('renamed')).length === 1);
    const { data: events } = (await app.call('GET /v1/entities/renamed/events')).body;
    expect(events[0]).toMatchObject({ source: '/litellm', tags: { litellm_proxy: '/litellm/eu-1' } });
    await under('/litellm/eu-2');
    const conflicts = async () => (await app.call('GET /v1/admin/usage_conflicts?entity=renamed')).body.data;
    await until('it is a conflict', async () => (await conflicts()).length === 1);
    expect(await countedOf('renamed')).toHaveLength(1);
  });

  it('of which none can be counted is a 422, and one that nobody pays for is not', async () => {
    const noUsage = { ...recorded('chat'), response: {}, metadata: { user_api_key_team_id: 't' } };
    const { status, body } = await post([noUsage, recorded('openmeter')], paidBy('unread'));
    expect([status, body.accepted]).toEqual([422, 0]);
    expect(body.rejected.map(({ index, code }: { index: number; code: string }) => [index, code])).toEqual([
      [0, 'invalid_event'],
      [1, 'foreign_log'],
    ]);
    expect((await post([recorded('cache_hit')])).status).toBe(202);
  });
});

it('a post of logs counts by its bytes as UTF-8, not by its characters, against what may wait', async () => {
  const id = '界'.repeat(7_000);
  const logs = Array.from({ length: 1_000 }, (_, n) => ({
    ...recorded('chat'),
    litellm_call_id: id,
    startTime: n,
  }));
  const { status, body } = await post(logs, paidBy('heavy'));
  expect([status, body.error?.code]).toEqual([429, 'rate_limit_exceeded']);
});

describe('who pays for a log', () => {
  it.each([
    ['{team_id}/{key_alias}', 'team-1/key-alias-1'],
    ['fixed/{end_user|nobody}', 'fixed/nobody'],
    ['{org_alias|shared}/{user_id}', 'shared/user-1'],
    ['us-{org_alias|shared}/{user_id}', 'us-shared/user-1'],
  ])('is said by the template %s', async (template, subject) => {
    const log = { ...recorded('chat'), startTime: template.length };
    expect((await post(log, `?subject=${encodeURIComponent(template)}`)).body).toMatchObject({ accepted: 1 });
    const [entity, project] = subject.split('/') as [string, string];
    await until('it is counted', async () =>
      (await countedOf(entity)).some((row) => row.project === project),
    );
  });

  // packages/python/tests/test_litellm_order.py has the same rows.
  it.each([
    ['Web Search (EU)', 'Web-Search-EU-'],
    [' padded ', 'padded-'],
    ['._-search', 'search'],
    ['A/B', 'A-B'],
  ])('is named %j as the callback in Python names it: %s', async (alias, name) => {
    const log = { ...recorded('chat'), startTime: alias.length };
    log.metadata['user_api_key_team_alias'] = alias;
    expect((await post(log, '?subject=aliases/{team_alias}')).body).toMatchObject({ accepted: 1 });
    await until('it is counted', async () =>
      (await countedOf('aliases')).some(({ project }) => project === name),
    );
  });

  it('is a dead letter where an alias has nothing that a name may have', async () => {
    const log = { ...recorded('chat'), startTime: 99 };
    log.metadata['user_api_key_team_alias'] = '///';
    const { status, body } = await post(log, '?subject=aliases/{team_alias}');
    expect([status, body.rejected[0].code]).toEqual([422, 'invalid_subject']);
  });

  it('is asked of the operator where the log does not say it: a dead letter waits for a subject', async () => {
    const log = recorded('chat');
    log.metadata['user_api_key_team_id'] = null;
    const { status, body } = await post({ ...log, startTime: 77 }, paidBy('orphaned'));
    expect([status, body.rejected[0].code]).toEqual([422, 'invalid_subject']);
    expect(body.rejected[0].message).toContain('no team_id');
    const open = async () =>
      (await app.call('GET /v1/admin/dead_letters?code=invalid_subject&status=open')).body.data.filter(
        (letter: { payload: { subject: string } }) => letter.payload.subject.startsWith('orphaned/'),
      );
    await until('it is a dead letter', async () => (await open()).length === 1);
    const [letter] = await open();
    expect(letter.payload.subject).toBe('orphaned/{team_id}');
    await app.call(`POST /v1/admin/dead_letters/${letter.id}/replay`, {
      body: { subject: 'orphaned/team-9' },
    });
    await until('it is counted', async () => (await countedOf('orphaned')).length === 1);
  });

  it.each(['{planet}/{team_id}', 'acme', '/x', '{org_id}/{team_id}/x', '{org_id|a b}/x'])(
    'is not said by %s',
    async (template) => {
      const { status, body } = await post(recorded('chat'), `?subject=${encodeURIComponent(template)}`);
      expect([status, body.error?.param]).toEqual([400, 'subject']);
    },
  );

  it('is only the entity of a key that is bound to one', async () => {
    const key = await app.key('gateway', 'bound');
    const own = { ...recorded('chat'), startTime: 3 };
    const { body } = await post([own], paidBy('bound'), { key });
    expect(body.accepted).toBe(1);
    const foreign = await post([own], paidBy('another'), { key });
    expect([foreign.status, foreign.body.rejected[0].code]).toEqual([422, 'insufficient_permissions']);
  });
});
