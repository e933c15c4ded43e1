/** Price maps as they arrive: in pieces, of several forms, broken, large. */
import fc from 'fast-check';
import { TallyError } from '../../../src/domain/errors.js';
import { readMapEntry, type EntryReading } from '../../../src/prices/price-map/map-entry.js';
import { PRICE_MAP_BYTES_MAX, readPriceMap } from '../../../src/prices/price-map/read-price-map.js';
import { bytesOf, litellmMap, STRICT } from './price-map-data.js';

const CHAT = { mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 4e-6 };

async function readAll(...chunks: Uint8Array[]): Promise<[string, EntryReading][]> {
  const all: [string, EntryReading][] = [];
  for await (const { model, reading } of readPriceMap(chunks, STRICT)) all.push([model, reading]);
  return all;
}

function read(document: unknown): Promise<[string, EntryReading][]> {
  return readAll(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)));
}

/** The message with which it is refused. */
async function refusal(document: unknown): Promise<string> {
  const error: unknown = await read(document).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TallyError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.code).toBe('invalid_request');
  return error.message;
}

describe('a price map', () => {
  it('reads as its entries do one by one, wherever it is cut', async () => {
    const map = {
      'modèle-é€🦆': CHAT,
      b: { ...CHAT, x: [{ y: 'a"}{]\\' }] },
      c: 3,
      d: [],
      sample_spec: CHAT,
    };
    const whole = Buffer.from(JSON.stringify(map));
    const expected = Object.entries(map).map(([model, entry]) => [model, readMapEntry(model, entry, STRICT)]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(whole.length)), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const chunks = places.slice(1).map((end, index) => whole.subarray(places[index], end));
        expect(await readAll(...chunks)).toEqual(expected);
      }),
    );
  });

  it('of LiteLLM is read whole, with the other names of models at the end', async () => {
    const read = await readAll(bytesOf('litellm-prices.json'));
    expect(new Set(read.map(([model]) => model))).toEqual(new Set(Object.keys(litellmMap)));
    expect(read).toHaveLength(4_878);
    const alias = read.find(([model]) => model === 'bedrock/claude-fable-latest')?.[1];
    const named = read.find(([model]) => model === 'global.anthropic.claude-fable-5-1')?.[1];
    if (alias?.kind !== 'price' || named?.kind !== 'price') throw new Error('not priced');
    expect(alias.price.terms).toEqual(named.price.terms);
  });

  it('lets the event loop turn after eight models at most', async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const reading = await readAll(bytesOf('litellm-prices.json'));
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(Math.floor(reading.length / 8));
  });

  it('counts the first of two entries of one name, and reports the second', async () => {
    const second = JSON.stringify({ ...CHAT, input_cost_per_token: 2e-6 });
    expect(await read(`{"a":${JSON.stringify(CHAT)},"a":${second}}`)).toEqual([
      ['a', readMapEntry('a', CHAT, STRICT)],
      ['a', { kind: 'skipped', reason: 'the map names it twice; the first entry counts', fields: [] }],
    ]);
  });

  it('has another name for a model without a price skipped', async () => {
    const [, other] = await read({ a: { mode: 'chat' }, b: { alias_of: 'a' } });
    expect(other?.[1]).toMatchObject({
      kind: 'skipped',
      reason: 'has no prices of its own: it is another name of a',
    });
  });

  it.each([
    ['{"a":{"b":1},}', 'near byte 13, after the entry "a"'],
    ['{"a":{"b":}}', 'near byte 10'],
    ['{"a":{}} x', 'after the entry "a"'],
    ['{"a":{}', 'is no JSON'],
    ['{"a":tru}', 'is no JSON'],
    [`{"a":${'['.repeat(40)}`, 'nested more than 16 deep at byte 20'],
    ['', 'has no entries'],
    ['{}', 'has no entries'],
  ])('that is broken is refused with the place: %s', async (text, message) => {
    expect(await refusal(text)).toContain(message);
  });

  it.each([
    [[], 'is an empty array'],
    [[{ model: 'a', input: 1 }], 'is an array'],
    [{ data: [{ id: 'a', pricing: {} }] }, 'is an object with a list under "data"'],
    [{ object: 'list', data: [] }, 'is an object with a list under "data"'],
    [{ models: { a: CHAT } }, 'is an object with all entries under "models"'],
    [{ model_list: [{}] }, 'is an object with a list under "model_list"'],
    [5, 'is a single JSON value'],
    ['null', 'is a single JSON value'],
  ])('of another form is refused by name, with those that are taken: %j', async (document, name) => {
    const message = await refusal(document);
    expect(message).toContain(name);
    expect(message).toMatch(/LiteLLM.*models\.dev.*genai-prices/);
  });

  it('larger than 32 MiB is refused', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    const chunks = Array.from({ length: PRICE_MAP_BYTES_MAX / chunk.length }, () => chunk);
    await expect(readAll(...chunks, Buffer.from(' '))).rejects.toThrow('must have at most 33554432 bytes');
  });

  it('of models.dev is taken, in dollars per million', async () => {
    const cost = {
      input: 3,
      output: 15,
      cache_read: 0.3,
      cache_write: 3.75,
      context_over_200k: { input: 6, output: 22.5 },
    };
    const limit = { context: 200_000, output: 64_000 };
    const models = {
      m: { id: 'm', cost, limit },
      none: { id: 'none' },
      free: { cost: { input: 0, output: 0 } },
      odd: { cost: { ...cost, video: 1 } },
    };
    expect(await read({ anthropic: { id: 'anthropic', models } })).toEqual([
      [
        'anthropic/m',
        {
          kind: 'price',
          price: {
            model: 'anthropic/m',
            terms: {
              input_usd_per_million: '3',
              cached_input_usd_per_million: '0.3',
              cache_write_usd_per_million: '3.75',
              output_usd_per_million: '15',
              variants: [
                {
                  when: { prompt_tokens_above: 200_000 },
                  input_usd_per_million: '6',
                  output_usd_per_million: '22.5',
                },
              ],
            },
            maxInputTokens: 200_000,
            maxOutputTokens: 64_000,
          },
          rounded: [],
          ignored: [],
        },
      ],
      ['anthropic/none', { kind: 'skipped', reason: 'has no cost', fields: [] }],
      ['anthropic/free', { kind: 'skipped', reason: 'has a price of 0 for everything', fields: [] }],
      [
        'anthropic/odd',
        { kind: 'skipped', reason: 'has prices that Tally cannot charge', fields: ['cost.video'] },
      ],
    ]);
  });

  it('of genai-prices is taken, in dollars per million, but for prices with conditions', async () => {
    const input_mtok = { base: 1.25, tiers: [{ start: 200_000, price: 2.5 }] };
    const models = [
      { id: 'm', context_window: 1_000_000, prices: { input_mtok, output_mtok: 10, requests_kcount: 5 } },
      { id: 'dated', prices: [{ prices: { input_mtok: 1 } }] },
    ];
    const [first, second] = await read([{ id: 'google', name: 'Google', models }]);
    expect(first?.[0]).toBe('google/m');
    expect(first?.[1]).toMatchObject({
      price: {
        terms: {
          input_usd_per_million: '1.25',
          output_usd_per_million: '10',
          request_usd: '0.005',
          variants: [{ when: { prompt_tokens_above: 200_000 }, input_usd_per_million: '2.5' }],
        },
        maxInputTokens: 1_000_000,
      },
    });
    expect(second?.[1]).toMatchObject({
      reason: 'has prices with conditions, which are not read from this form',
    });
  });
});
