import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatUsd } from '@tally/client/protocol';
import { picosFromUsd } from '@tally/client/protocol';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

const DEEPSEEK = 'cw_deepseek-ai_DeepSeek-R1';
const FIELDS = ['project', 'model', 'operation', 'service_tier', 'user', 'api_key', 'meter', 'tag:team'];

type Row = Record<string, unknown> & { cost_usd: string; requests: number | null };

describe("an entity's usage by groups", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    const at = (time: string) => new Date(`2026-11-${time}Z`);
    await recordUsage(app, [
      anEvent({
        subject: 'entity1/a',
        occurredAt: at('20T10:00:00'),
        userId: 'u_1',
        apiKeyId: 'k_1',
        tags: { team: 'search' },
      }),
      anEvent({
        subject: 'entity1/a',
        occurredAt: at('20T10:30:00'),
        userId: 'u_2',
        tags: { team: 'ads', x: 'y:z' },
      }),
      anEvent({
        subject: 'entity1/b',
        occurredAt: at('20T12:00:00'),
        model: DEEPSEEK,
        apiKeyId: 'k_1',
        operation: 'responses',
      }),
      anEvent({
        subject: 'entity1/b',
        occurredAt: at('22T00:00:00'),
        serviceTier: 'flex',
        userId: 'u_1',
        quantities: { input: 10, cached_input: 5, output: 1, reasoning: 2 },
      }),
      anEvent({ subject: 'other/a', occurredAt: at('20T10:00:00') }),
    ]);
  });
  afterAll(() => app.close());

  const usage = async (query = '') => (await app.call(`GET /v1/entities/entity1/usage${query}`)).body;
  const rows = async (query: string): Promise<Row[]> => (await usage(query)).data;
  const costOf = (data: readonly Row[]) =>
    formatUsd(data.reduce((sum, { cost_usd }) => sum + picosFromUsd(cost_usd), 0n));

  it('is by default by project and model, and says so', async () => {
    const body = await usage();
    expect(body).toMatchObject({ object: 'entity_usage', entity: 'entity1', group_by: ['project', 'model'] });
    expect(body.data.map((row: Row) => [row['project'], row['model'], row.requests])).toEqual([
      ['b', DEEPSEEK, 1],
      ['a', LLAMA, 2],
      ['b', LLAMA, 1],
    ]);
    expect(await rows('?group_by=project,model')).toEqual(body.data);
    expect(await rows('?group_by=project&group_by=model')).toEqual(body.data);
  });

  it('by month has calendar months in UTC, the first and the last cut by the range', async () => {
    const [start, end] = ['2026-10-31T23:00:00Z', '2026-11-21T00:00:00Z'].map(
      (time) => Date.parse(time) / 1000,
    );
    const data = await rows(`?group_by=project&bucket_width=1mo&start_time=${start}&end_time=${end}`);
    const november = { start_time: Date.parse('2026-11-01') / 1000, end_time: end };
    expect(data).toMatchObject([
      { project: 'b', requests: 1, ...november },
      { project: 'a', requests: 2, ...november },
    ]);
  });

  it('of any one or two groups, in buckets of any width, adds up to the same exact cost', async () => {
    const total = costOf(await rows(''));
    for (const first of FIELDS) {
      for (const second of FIELDS) {
        const groups = first === second ? first : `${first},${second}`;
        const data = await rows(`?group_by=${groups}`);
        expect([groups, costOf(data)]).toEqual([groups, total]);
      }
      for (const width of ['1m', '1h', '1d', '1mo']) {
        expect(costOf(await rows(`?group_by=${first}&bucket_width=${width}`))).toBe(total);
      }
    }
  });

  it('names what it is grouped by, null where usage has none', async () => {
    const byUser = await rows('?group_by=user');
    expect(new Map(byUser.map((row) => [row['user'], row.requests]))).toEqual(
      new Map<unknown, number>([
        ['u_1', 2],
        ['u_2', 1],
        [null, 1],
      ]),
    );
    const byTag = await rows('?group_by=tag:team');
    expect(new Set(byTag.map((row) => row['tag:team']))).toEqual(new Set(['search', 'ads', null]));
    const byMeter = await rows('?group_by=meter');
    expect(byMeter.find((row) => row['meter'] === 'cached_input')).toMatchObject({
      requests: null,
      quantities: { cached_input: 5 },
      meter_costs_usd: { cached_input: '0.00000355' },
    });
  });

  it('is filtered by any field, by several values, by meter and by tag', async () => {
    const requests = async (query: string) => (await rows(query)).map((row) => row.requests);
    expect(await requests('?group_by=project&project=a')).toEqual([2]);
    expect((await rows('?group_by=project&project=a&project=b')).length).toBe(2);
    expect(await requests(`?group_by=project&model=${DEEPSEEK}`)).toEqual([1]);
    expect(await requests('?group_by=project&operation=responses')).toEqual([1]);
    expect(await requests('?group_by=project&service_tier=flex')).toEqual([1]);
    expect(await requests('?group_by=project&api_key=k_1&project=a')).toEqual([1]);
    expect(await requests('?group_by=project&user=u_2')).toEqual([1]);
    expect(await requests('?group_by=project&tag=team:search')).toEqual([1]);
    expect(await requests('?group_by=project&tag:team=search&tag:team=ads')).toEqual([2]);
    expect(await requests('?group_by=project&tag:x=y:z')).toEqual([1]);
    expect(await requests('?group_by=project&tag=team:none')).toEqual([]);
    expect(await rows('?group_by=project&meter=reasoning')).toMatchObject([
      { project: 'b', requests: null, quantities: { reasoning: 2 } },
    ]);
  });

  it('has buckets in order, cut by the range, and none without usage', async () => {
    const start = Date.parse('2026-11-20T11:00:00Z') / 1000;
    const data = await rows(`?start_time=${start}&bucket_width=1d&group_by=operation`);
    expect(data.map((row) => [row['start_time'], row['end_time'], row['operation']])).toEqual([
      [start, start + 13 * 3_600, 'responses'],
      [Date.parse('2026-11-22T00:00:00Z') / 1000, Date.parse('2026-11-23T00:00:00Z') / 1000, 'chat'],
    ]);
  });

  it.each([
    ['group_by=colour', 'group_by'],
    ['group_by=project,project', 'group_by'],
    ['group_by=project,model,user', 'group_by'],
    ['group_by=', 'group_by'],
    ['group_by=tag:', 'group_by'],
    ['bucket_width=1w', 'bucket_width'],
    ['meter=tokens', 'meter'],
    ['tag=team', 'tag'],
    ['colour=red', 'colour'],
    ['start_time=1764547200&end_time=1764547200', 'end_time'],
    ['group_by=user&start_time=1700000000', 'end_time'],
    ['start_time=1900000000', 'end_time'],
  ])('refuses %s and names the field', async (query, param) => {
    const { status, body } = await app.call(`GET /v1/entities/entity1/usage?${query}`);
    expect([status, body.error?.param]).toEqual([400, param]);
  });

  it.each(['usage', 'usage?group_by=user', 'activity', 'balance', 'forecast', 'events'])(
    '%s of an entity that does not exist is not found',
    async (path) => {
      const { status, body } = await app.call(`GET /v1/entities/nosuch/${path}`);
      expect([status, body.error.code, body.error.param]).toEqual([404, 'not_found', 'entity']);
    },
  );
});
