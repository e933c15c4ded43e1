import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Quantities } from '../../../src/domain/meters.js';
import { readUsage, type UsageFormat } from '../../../src/metering/shapes/read-usage.js';
import type { Usage } from '../../../src/metering/shapes/usage-fields.js';
import { SERVERS } from './generated-usages.js';
import { LARGE_PROVIDERS } from './large-provider-usages.js';
import { OTHER_SERVERS } from './other-server-usages.js';

const read = (usage: object, { operation = 'chat', format = null as UsageFormat | null } = {}) =>
  readUsage(usage as Usage, { operation, format });
const counted = (usage: object, options = {}) => {
  const reading = read(usage, options);
  if (!reading.ok) throw new Error(`${reading.field} ${reading.message}`);
  return reading.reading;
};
const refused = (usage: object, options = {}) => {
  const reading = read(usage, options);
  return reading.ok ? null : `${reading.field} ${reading.message}`;
};

type Recorded = { usage: Usage; quantities: Quantities };
const RECORDED: Recorded[] = JSON.parse(
  readFileSync(new URL('./recorded-usage.json', import.meta.url), 'utf8'),
);

describe('usage of real servers', () => {
  it.each(RECORDED.map((each) => [JSON.stringify(each.usage), each] as const))(
    'is counted as its server means it: %s',
    (_, { usage, quantities }) => {
      expect(counted(usage)).toMatchObject({ quantities, unread: [] });
      expect(counted(usage).quantities).toEqual(quantities);
    },
  );

  it.each([...LARGE_PROVIDERS, ...OTHER_SERVERS])('of %s', (_, usage, quantities, options = {}) => {
    expect(counted(usage, options).quantities).toEqual(quantities);
    expect(counted(usage, options).unread).toEqual([]);
  });

  it('says the tier, the region and the attributes that stand in it', () => {
    expect(
      counted({
        input_tokens: 1,
        output_tokens: 1,
        cache_read_input_tokens: 0,
        service_tier: 'standard',
        inference_geo: 'us',
      }),
    ).toMatchObject({ serviceTier: 'default', region: 'us' });
    expect(
      counted({
        promptTokenCount: 1,
        candidatesTokenCount: 1,
        totalTokenCount: 2,
        trafficType: 'ON_DEMAND_PRIORITY',
      }),
    ).toMatchObject({ serviceTier: 'priority' });
    expect(counted({ prompt_tokens: 1, completion_tokens: 1, service_tier: 'flex' })).toMatchObject({
      serviceTier: 'flex',
    });
    expect(
      counted({ usage: { prompt_tokens: 1, completion_tokens: 1 }, service_tier: 'batches' }),
    ).toMatchObject({ serviceTier: 'batch' });
    expect(
      counted({
        prompt_tokens: 1,
        completion_tokens: 1,
        total_tokens: 2,
        num_search_queries: 1,
        search_context_size: 'high',
      }),
    ).toMatchObject({ attributes: { search_context_size: 'high' } });
  });
});

describe('usage that contradicts itself', () => {
  it.each<[string, object]>([
    ['a negative count', { prompt_tokens: -1, completion_tokens: 1 }],
    ['a fraction', { prompt_tokens: 1.5, completion_tokens: 1 }],
    ['a text', { prompt_tokens: '1', completion_tokens: 1 }],
    ['a count that is too large', { prompt_tokens: 2 ** 31, completion_tokens: 1 }],
    ['a flag', { inputTokens: true, outputTokens: 1 }],
    ['no count', {}],
    ['one side of a stream', { output_tokens: 15 }],
    ['a prompt alone', { prompt_tokens: 15 }],
    ['a total alone', { total_tokens: 15 }],
    [
      'more cached than prompt',
      { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } },
    ],
    [
      'more parts than completion',
      {
        prompt_tokens: 1,
        completion_tokens: 4,
        completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 3 },
      },
    ],
    ['a total that is more', { prompt_tokens: 11, completion_tokens: 32, total_tokens: 1043 }],
    ['a total that is less', { prompt_tokens: 11, completion_tokens: 32, total_tokens: 42 }],
    ['a Gemini total that is more', { promptTokenCount: 9, candidatesTokenCount: 51, totalTokenCount: 61 }],
    ['a Bedrock total that is more', { inputTokens: 9, outputTokens: 51, totalTokens: 61 }],
    ['two spellings with two numbers', { prompt_tokens: 5, input_tokens: 6, completion_tokens: 1 }],
    [
      'a split of cache writes that is not their sum',
      {
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 5,
        cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 1 },
      },
    ],
    [
      'two shapes that disagree',
      {
        promptTokenCount: 9,
        candidatesTokenCount: 51,
        totalTokenCount: 60,
        inputTokens: 9,
        outputTokens: 50,
      },
    ],
    ['seconds that are not whole', { type: 'duration', seconds: 9.5 }],
    ['details that are no object', { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: 7 }],
    [
      'a list that has no objects',
      { promptTokenCount: 1, candidatesTokenCount: 1, promptTokensDetails: [7] },
    ],
  ])('is refused: %s', (_, usage) => {
    expect(refused(usage)).not.toBeNull();
  });

  it('names the field, with the object that it stands in', () => {
    expect(refused({ usage: { prompt_tokens: -1, completion_tokens: 2 } })).toMatch(
      /^usage\.prompt_tokens must be an integer/,
    );
    expect(
      refused({
        prompt_tokens: 1,
        completion_tokens: 1,
        completion_tokens_details: { reasoning_tokens: 'x' },
      }),
    ).toMatch(/^completion_tokens_details\.reasoning_tokens /);
  });
});

describe('what no shape knows', () => {
  it('is named by its path where it counts something, and the rest is counted', () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      total_tokens: 7,
      priority_tokens: 3,
      new_thing: { deep_count: 4, zero_tokens: 0, cost: 5 },
      num_sources_used: 2,
    };
    expect(counted(usage)).toMatchObject({
      quantities: { input: 5, output: 2 },
      unread: ['new_thing.deep_count', 'num_sources_used', 'priority_tokens'],
    });
    const answer = { created: 5, index: 1, page_count: 3, usage: { prompt_tokens: 1, completion_tokens: 2 } };
    expect(counted(answer).unread).toEqual(['page_count']);
    expect(counted({ inputTokens: 1, outputTokens: 1, serverToolUsage: { searches: 2 } }).unread).toEqual([
      'serverToolUsage.searches',
    ]);
  });

  it('is not a time, a price, a speed or a flag', () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      queue_time: 0.3,
      total_duration: 17,
      cost: 1,
      cost_details: { upstream_inference_cost: 2 },
      is_byok: true,
      latency_ms: 12,
      tokens_per_second: 9,
      timeToFirstToken: 2,
      created: 1_763_841_600,
      system_fingerprint: 'x',
    };
    expect(counted(usage).unread).toEqual([]);
  });

  it('is bounded, and printable', () => {
    const many = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [`x${index}_tokens`, 1]));
    expect(counted({ prompt_tokens: 1, completion_tokens: 1, ...many }).unread).toHaveLength(32);
    const [path] = counted({
      prompt_tokens: 1,
      completion_tokens: 1,
      [`a\u0000${'b'.repeat(500)}`]: 1,
    }).unread;
    expect(path).toBe(`a\ufffd${'b'.repeat(126)}`);
  });
});

const count = fc.oneof(fc.constant(0), fc.nat(1_000), fc.nat(400_000_000));
const without = (quantities: Record<string, number>) =>
  Object.fromEntries(Object.entries(quantities).filter(([, quantity]) => quantity > 0));

describe('each shape', () => {
  const counts = fc.array(count, { minLength: 8, maxLength: 8 });

  it.each(SERVERS)('%s gives back any quantities exactly, by itself and by its name', (format, say) => {
    fc.assert(
      fc.property(counts, (numbers) => {
        const { usage, quantities } = say(numbers);
        const expected = { format, quantities: without(quantities), unread: [] };
        expect(counted(usage)).toMatchObject(expected);
        expect(counted(usage).quantities).toEqual(without(quantities));
        expect(counted(usage, { format })).toMatchObject(expected);
      }),
    );
  });

  it('is recognised by fields that no other shape has: two in one object say the same or are refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SERVERS), fc.constantFrom(...SERVERS), counts, counts, (a, b, m, n) => {
        const [one, other] = [a[1](m), b[1](n)];
        if (a[0] === b[0]) return;
        const both = { ...one.usage, ...other.usage };
        const reading = read(both);
        if (!reading.ok) return;
        // Fields of the other shape that this one does not know are read by it, or named.
        const { quantities, unread } = reading.reading;
        const said = [one, other].map((each) => JSON.stringify(entriesOf(without(each.quantities))));
        expect(
          said.includes(JSON.stringify(entriesOf(quantities))) || unread.length > 0 || isPart(a[0], b[0]),
        ).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads the usual object in one pass as its shape does', () => {
    fc.assert(
      fc.property(count, count, count, count, fc.boolean(), (a, b, c, d, hasTotal) => {
        const usage = {
          prompt_tokens: a + b,
          completion_tokens: c + d,
          ...(hasTotal && { total_tokens: a + b + c + d }),
          prompt_tokens_details: { cached_tokens: b, audio_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: d },
        };
        expect(counted(usage)).toEqual(counted(usage, { format: 'openai' }));
      }),
    );
  });

  it('never throws, whatever the object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(...SERVERS),
        counts,
        (extra, [, say], numbers) => {
          expect(typeof read(extra).ok).toBe('boolean');
          expect(typeof read({ ...say(numbers).usage, ...extra }).ok).toBe('boolean');
        },
      ),
    );
  });
});

const entriesOf = (quantities: object) => Object.entries(quantities).toSorted(([a], [b]) => (a < b ? -1 : 1));
/** Shapes whose fields stand beside OpenAI's: the fields of both are one usage. */
const BESIDE = new Set(['perplexity', 'lm_studio', 'tgi', 'cohere', 'openai', 'anthropic']);
const isPart = (a: string, b: string) => BESIDE.has(a) && BESIDE.has(b);
