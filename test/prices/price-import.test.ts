import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PriceImport } from '../../src/prices/prices.schema.js';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { anEvent, LLAMA } from '../support/builders.js';
import type { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

/** As LiteLLM's model_prices_and_context_window.json has them. */
const ENTRY = {
  mode: 'chat',
  litellm_provider: 'x',
  input_cost_per_token: 6e-8,
  output_cost_per_token: 1.2e-7,
  cache_read_input_token_cost: 3e-8,
  input_cost_per_token_batches: 3e-8,
  max_input_tokens: 1_000_000,
  max_output_tokens: 32_768,
};
const HAND_SET = { input_usd_per_million: '5', output_usd_per_million: '6', source: 'a contract' };

let app: TestApp;
beforeAll(async () => (app = await anApp()));
afterAll(() => app.close());

/** Two versions of a model have different times. */
async function importMap(map: unknown, query = ''): Promise<Answer> {
  (app.clock as TestClock).advance(1_000);
  const answer = await app.call(`POST /v1/admin/prices/import${query}`, { body: map });
  if (answer.status === 200) PriceImport.strict().parse(answer.body);
  return answer;
}

const pricesOf = async (model: string) =>
  (await app.call(`GET /v1/admin/prices?limit=100&model=${model}`)).body.data;

describe('importing a price map', () => {
  it('publishes what differs, with everything that the entry charges, and says it field by field', async () => {
    const { status, body } = await importMap({ 'a/new': ENTRY });
    const after = {
      input_usd_per_million: '0.06',
      output_usd_per_million: '0.12',
      cached_input_usd_per_million: '0.03',
      variants: [{ when: { service_tier: 'batch' }, input_usd_per_million: '0.03' }],
      max_input_tokens: 1_000_000,
      max_output_tokens: 32_768,
      source: 'price map',
    };
    expect([status, body]).toEqual([
      200,
      {
        object: 'price_import',
        dry_run: false,
        changes: [{ model: 'a/new', before: null, after, fields: expect.any(Array) }],
        unchanged: 0,
        skipped: [],
        kept: [],
        rounded: [],
        ignored: [],
      },
    ]);
    expect(body.changes[0].fields).toContainEqual({
      field: 'variants[{"service_tier":"batch"}].input_usd_per_million',
      before: null,
      after: '0.03',
    });
    expect(await pricesOf('a/new')).toMatchObject([after]);
  });

  it('names only the fields that differ from the price in force', async () => {
    await importMap({ 'a/changing': ENTRY });
    const next = { ...ENTRY, output_cost_per_token: 2e-7, max_output_tokens: 9 };
    const { body } = await importMap({ 'a/changing': next });
    expect(body.changes).toMatchObject([
      {
        before: { output_usd_per_million: '0.12', source: 'price map' },
        after: { output_usd_per_million: '0.2', source: 'price map' },
        fields: [
          { field: 'output_usd_per_million', before: '0.12', after: '0.2' },
          { field: 'max_output_tokens', before: 32_768, after: 9 },
        ],
      },
    ]);
  });

  it('changes nothing when repeated, and writes one audit entry for all that it changed', async () => {
    const map = { 'a/repeated': ENTRY, 'b/repeated': ENTRY };
    await importMap(map);
    const again = await importMap(map);
    expect([again.body.changes, again.body.unchanged]).toEqual([[], 2]);
    expect((await pricesOf('a/repeated')).length).toBe(1);
    const audit = await app.call('GET /v1/admin/audit_log');
    const [entry] = audit.body.data.filter(({ action }: { action: string }) => action === 'prices.import');
    expect(entry).toMatchObject({
      action: 'prices.import',
      target: '2 models',
      before: { prices: { 'a/repeated': null, 'b/repeated': null } },
      after: { prices: { 'a/repeated': expect.stringMatching(/^\d+$/), 'b/repeated': expect.anything() } },
    });
  });

  it('counts a price of equal amounts as unchanged, by hand or from a map and in any spelling', async () => {
    const order = { model: 'a/equal', input_usd_per_million: '0.060', output_usd_per_million: '0.12' };
    await app.call('POST /v1/admin/prices', { body: order });
    const entry = { mode: 'chat', input_cost_per_token: 6e-8, output_cost_per_token: 1.2e-7 };
    const { body } = await importMap({ 'a/equal': entry });
    expect([body.unchanged, body.changes, body.kept]).toEqual([1, [], []]);
  });

  it('says with dry_run what it would change, and changes nothing', async () => {
    const { body } = await importMap({ 'a/dry': ENTRY }, '?dry_run=true');
    expect(body).toMatchObject({ dry_run: true, changes: [{ model: 'a/dry' }] });
    expect(await pricesOf('a/dry')).toEqual([]);
  });

  it('keeps a price that somebody set by hand, and replaces it where that is asked for', async () => {
    await app.call('POST /v1/admin/prices', { body: { model: 'a/kept', ...HAND_SET } });
    const first = await importMap({ 'a/kept': ENTRY });
    expect(first.body).toMatchObject({
      changes: [],
      kept: [{ model: 'a/kept', before: HAND_SET, after: { source: 'price map' } }],
    });
    expect((await pricesOf('a/kept')).length).toBe(1);
    const second = await importMap({ 'a/kept': ENTRY }, '?overwrite=true');
    expect(second.body).toMatchObject({ changes: [{ model: 'a/kept', before: HAND_SET }], kept: [] });
    expect(await pricesOf('a/kept')).toMatchObject([{ source: 'price map' }, HAND_SET]);
  });

  it('takes an entry whose prices are all 0 only where that is asked for', async () => {
    const free = { mode: 'chat', input_cost_per_token: 0, output_cost_per_token: 0 };
    const refused = await importMap({ 'a/free': free });
    expect(refused.body).toMatchObject({ changes: [], skipped: [{ model: 'a/free', reason: /0/ }] });
    const taken = await importMap({ 'a/free': free }, '?allow_free=true');
    expect(taken.body).toMatchObject({ changes: [{ model: 'a/free' }], skipped: [] });
  });

  it('takes an entry without what Tally cannot charge only where that is asked for, and names it', async () => {
    const lossy = { ...ENTRY, output_vector_cost_per_furlong: 0.5 };
    const refused = await importMap({ 'a/lossy': lossy });
    expect(refused.body).toMatchObject({
      changes: [],
      skipped: [{ model: 'a/lossy', fields: ['output_vector_cost_per_furlong'] }],
    });
    const taken = await importMap({ 'a/lossy': lossy }, '?allow_lossy=true');
    const ignored = [{ model: 'a/lossy', fields: ['output_vector_cost_per_furlong'] }];
    expect(taken.body).toMatchObject({ changes: [{ model: 'a/lossy' }], skipped: [], ignored });
    const again = await importMap({ 'a/lossy': lossy }, '?allow_lossy=true');
    expect(again.body).toMatchObject({ changes: [], unchanged: 1, ignored });
  });

  it('names the fields that it rounded', async () => {
    const seconds = { mode: 'audio_transcription', input_cost_per_second: 0.000_283_333_333_333_3 };
    const { body } = await importMap({ 'a/rounded': seconds });
    expect(body.rounded).toEqual([{ model: 'a/rounded', fields: ['input_cost_per_second'] }]);
  });

  it('puts each entry in exactly one list, whatever it is', async () => {
    await app.call('POST /v1/admin/prices', { body: { model: 'one-list/kept', ...HAND_SET } });
    await importMap({ 'one-list/same': ENTRY });
    const map = {
      sample_spec: { input_cost_per_token: 0, mode: 'one of: chat, embedding' },
      'one-list/new': ENTRY,
      'one-list/same': ENTRY,
      'one-list/kept': ENTRY,
      'one-list/free': { mode: 'chat', input_cost_per_token: 0, output_cost_per_token: 0 },
      'one-list/image': { mode: 'chat', output_cost_per_furlong: 1 },
      absurd: { mode: 'chat', input_cost_per_token: 0.71, output_cost_per_token: 0.71 },
      null: null,
      'a/list': [],
      text: { mode: 'chat', input_cost_per_token: 'much' },
      negative: { input_cost_per_token: -1 },
      'd\u0000': ENTRY,
      ['f'.repeat(300)]: ENTRY,
    };
    const { body } = await importMap(map);
    const named = [...body.changes, ...body.skipped, ...body.kept].map(
      ({ model }: { model: string }) => model,
    );
    expect([body.changes.length, body.kept.length, body.unchanged]).toEqual([1, 1, 1]);
    expect([named.length + body.unchanged, new Set(named).size]).toEqual([
      Object.keys(map).length,
      named.length,
    ]);
    for (const { reason } of body.skipped) expect(reason).toMatch(/\w/);
  });

  it('charges usage that waited for its first price', async () => {
    await recordUsage(app, [anEvent({ model: 'a/waiting', quantities: { input: 1_000_000 } })]);
    await importMap({ 'a/waiting': ENTRY });
    expect(await pricesOf('a/waiting')).toMatchObject([{ effective_from: '2026-11-22T11:30:00.000Z' }]);
    const { rows } = await app.postgres.pool.query(
      `select cost_picos::text as cost from rated_events where model = 'a/waiting'`,
    );
    expect(rows).toEqual([{ cost: '60000000000' }]);
  });

  it('charges a meter that waited for its first price, and leaves the rest as it was charged', async () => {
    await app.call('POST /v1/admin/prices', {
      body: { ...HAND_SET, model: 'a/meter', effective_from: '2026-01-01' },
    });
    await recordUsage(app, [anEvent({ model: 'a/meter', quantities: { input: 1, query: 2 } })]);
    const { body } = await importMap(
      { 'a/meter': { ...ENTRY, input_cost_per_query: 0.01 } },
      '?overwrite=true',
    );
    expect(body.changes.length).toBe(1);
    const [newest] = await pricesOf('a/meter');
    expect(newest.first_for_meters_from).toBe('2026-11-22T11:30:00.000Z');
    const waiting = await app.call('GET /v1/admin/prices/unpriced?model=a/meter');
    expect(waiting.body.data).toEqual([]);
  });

  it('answers a repetition under one idempotency key from memory, and refuses another map under it', async () => {
    const headers = { 'idempotency-key': 'import-1' };
    const send = (map: unknown) => app.call('POST /v1/admin/prices/import', { body: map, headers });
    (app.clock as TestClock).advance(1_000);
    const [first, again] = [await send({ 'a/once': ENTRY }), await send({ 'a/once': ENTRY })];
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect(first.body.changes.length).toBe(1);
    expect((await send({ 'a/other': ENTRY })).body.error.code).toBe('idempotency_key_reused');
  });

  it.each([
    ['an array', []],
    ['a number', 7],
    ['null', null],
    ['a list under a name', { data: [ENTRY] }],
    ['half a map', '{"a/half": {"input_cost_per_token": 1e-6}, "b'],
    ['nothing', undefined],
  ])('answers 400 to %s, and changes nothing', async (_, body) => {
    const answer = await app.call('POST /v1/admin/prices/import', { body });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'invalid_request']);
    expect(await pricesOf('a/half')).toEqual([]);
  });

  it('takes a map that is larger than any other body may be', async () => {
    const large = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, place) => [`large/${place}`, { ...ENTRY, notes: 'x'.repeat(2_000) }]),
    );
    const { status, body } = await importMap(large);
    expect([status, body.changes?.length]).toEqual([200, 3_000]);
    const versions = await app.database.reader.price.count({ where: { model: { startsWith: 'large/' } } });
    const rates = await app.database.reader.rate.count({
      where: { price: { model: { startsWith: 'large/' } } },
    });
    expect([versions, rates]).toEqual([3_000, 3_000]);
  });

  it('looks at the key before it reads the map, and takes no compressed one', async () => {
    const bound = await app.key('owner', 'entity1');
    expect((await app.call('POST /v1/admin/prices/import', { key: bound, body: {} })).status).toBe(403);
    expect((await app.call('POST /v1/admin/prices/import', { key: null, body: 'no JSON' })).status).toBe(401);
    const headers = { 'content-encoding': 'gzip' };
    expect((await app.call('POST /v1/admin/prices/import', { body: {}, headers })).status).toBe(415);
    const other = { 'content-type': 'application/vnd.tally.streamed' };
    expect((await app.call('POST /v1/admin/prices', { body: {}, headers: other })).status).toBe(415);
  });

  it('leaves the price of an entity alone', async () => {
    const own = { model: LLAMA, entity: 'entity1', ...HAND_SET };
    await app.call('POST /v1/admin/prices', { body: own });
    const equal = { mode: 'chat', input_cost_per_token: 7.1e-7, output_cost_per_token: 7.1e-7 };
    expect((await importMap({ [LLAMA]: equal })).body.unchanged).toBe(1);
  });
});
