/** The demo's replay: what it takes from the trace, what it assumes, and the sums that the books must have. */
import { describe, expect, it } from '@jest/globals';
import { cachedTokens } from '../../packages/gateway/src/demo/conversations.js';
import {
  cachedTokensOf,
  costOf,
  difference,
  disagreements,
  expectedSums,
  reportedSums,
  total,
} from '../../packages/gateway/src/demo/sums.js';
import { eventsOf, readTrace } from '../../packages/gateway/src/demo/trace.js';

const aRequest = (seconds: number, promptTokens: number, completionTokens: number) => ({
  time: new Date(Date.UTC(2023, 10, 16, 18, 0, seconds)),
  promptTokens,
  completionTokens,
});

const inOnePlace = (...trace: ReturnType<typeof aRequest>[]) => cachedTokens(trace, () => 'one place');

describe('cached input', () => {
  it('is the earlier prompt in whole blocks, of a request that is that prompt, its answer and a message long', () => {
    expect(inOnePlace(aRequest(0, 100, 20), aRequest(30, 150, 5))).toEqual([0, 96]);
    expect(inOnePlace(aRequest(0, 100, 20), aRequest(30, 120, 5))).toEqual([0, 0]);
    expect(inOnePlace(aRequest(0, 100, 20), aRequest(30, 321, 5))).toEqual([0, 0]);
  });

  it('is of the same place, of the last ten minutes, and of a prompt that nothing else went on with', () => {
    const two = [aRequest(0, 100, 20), aRequest(30, 150, 5)];
    expect(cachedTokens(two, (index) => `place ${index}`)).toEqual([0, 0]);
    expect(inOnePlace(aRequest(0, 100, 20), aRequest(601, 150, 5))).toEqual([0, 0]);
    expect(inOnePlace(...two, aRequest(31, 151, 5))).toEqual([0, 96, 0]);
  });

  it('of the real trace is a part of its prompts, never a whole one, and the same in every run', async () => {
    const trace = await readTrace();
    const models = ['a', 'b', 'c'];
    const events = eventsOf(trace, { run: 'one', now: new Date(), models });
    const again = eventsOf(trace, { run: 'two', now: new Date(), models });
    const usages = events.map(({ data }) => data.usage);
    expect(JSON.stringify(again.map(({ data }) => data.usage))).toBe(JSON.stringify(usages));
    const prices = models.map((model) => ({
      model,
      input_usd_per_million: '2',
      cached_input_usd_per_million: null,
      output_usd_per_million: '4',
    }));
    const { requests, meters } = total(expectedSums(events, prices));
    expect([requests, meters.output.quantity]).toEqual([19_366, 4_088_665]);
    expect(meters.input.quantity + meters.cached_input.quantity).toBe(22_361_870);
    expect(meters.cached_input.quantity).toBeGreaterThan(0);
    const whole = events.filter(({ data }) => {
      const { prompt_tokens } = data.usage as { prompt_tokens: number };
      return cachedTokensOf(data.usage) >= prompt_tokens;
    });
    expect(whole).toEqual([]);
  });
});

describe("the demo's sums", () => {
  const row = {
    project: 'chat',
    model: 'm',
    requests: 2,
    quantities: { input: 10, cached_input: 4, output: 3 },
    cost_usd: '0.000033',
    meter_costs_usd: { input: '0.00002', cached_input: '0.000001', output: '0.000012' },
  };

  it('charge cached input at its own price, and say where the books have another sum', () => {
    const event = { subject: 'acme/chat', data: { model: 'm' } };
    const usages = [
      { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4 } },
      { prompt_tokens: 5, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 0 } },
    ];
    const price = {
      model: 'm',
      input_usd_per_million: '2',
      cached_input_usd_per_million: '0.25',
      output_usd_per_million: '4',
    };
    const events = usages.map((usage) => ({ ...event, data: { ...event.data, usage } })) as never;
    const reported = reportedSums('acme', [row]);
    expect(disagreements(reported, expectedSums(events, [price]))).toEqual([]);
    const dearer = expectedSums(events, [{ ...price, cached_input_usd_per_million: null }]);
    expect(disagreements(reported, dearer).join()).toContain('4 cached_input for $0.000001');
  });

  it('are refused where the meters of a row do not add up to its cost', () => {
    expect(() => reportedSums('acme', [{ ...row, cost_usd: '0.000034' }])).toThrow('do not add up');
  });

  it('of a run are those after it without those before it', () => {
    const once = reportedSums('acme', [row]);
    const twice = reportedSums('acme', [row, row]);
    expect(difference(twice, once)).toEqual(once);
    expect(difference(once, once).size).toBe(0);
    expect(costOf(total(twice))).toBe(66_000_000n);
  });
});
