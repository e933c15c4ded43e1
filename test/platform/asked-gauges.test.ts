import { describe, expect, it } from '@jest/globals';
import { observeAsked } from '../../src/platform/asked-gauges.js';
import { Metrics } from '../../src/platform/metrics.js';
import { figureIn } from '../support/metrics-text.js';

const gauges = [
  { name: 'tally_one', help: 'One.', samples: (value: number) => [{ value }] },
  {
    name: 'tally_by_name',
    help: 'By name.',
    labelNames: ['name'],
    samples: (value: number) => [{ labels: { name: 'a' }, value }],
  },
];

describe('gauges whose values a server has', () => {
  it('ask once for all of them in a scrape', async () => {
    const metrics = new Metrics();
    let asked = 0;
    observeAsked(metrics, { of: 'test', ask: async () => (asked += 1), gauges });
    const text = await metrics.text();
    expect([figureIn(text, 'tally_one'), figureIn(text, 'tally_by_name{name="a"}')]).toEqual([1, 1]);
    await metrics.text();
    expect(asked).toBe(2);
  });

  it('keep an answer for later scrapes where asking is dear', async () => {
    const metrics = new Metrics();
    let asked = 0;
    observeAsked(metrics, { of: 'test', keptMs: 3_600_000, ask: async () => (asked += 1), gauges });
    await metrics.text();
    await metrics.text();
    expect(asked).toBe(1);
  });

  it('have no value while the server fails or hangs, and the scrape ends with all other metrics', async () => {
    const metrics = new Metrics();
    const never = new Promise<number>(() => {});
    let isAsked: () => Promise<number> = async () => 7;
    observeAsked(metrics, { of: 'test', ask: () => isAsked(), gauges });
    expect(figureIn(await metrics.text(), 'tally_one')).toBe(7);
    for (const failure of [async () => Promise.reject(new Error('down')), () => never]) {
      isAsked = failure;
      const text = await metrics.text();
      expect([figureIn(text, 'tally_one'), figureIn(text, 'tally_by_name{name="a"}')]).toEqual([null, null]);
      expect(text).toContain('process_cpu_seconds_total');
    }
    // The text before is made beside the questions, so it counts those of earlier scrapes.
    expect(figureIn(await metrics.text(), 'tally_metrics_unanswered_total{of="test"}')).toBe(2);
  });

  it('are not asked again while a question hangs', async () => {
    const metrics = new Metrics();
    let asked = 0;
    const ask = () => {
      asked += 1;
      return new Promise<number>(() => {});
    };
    observeAsked(metrics, { of: 'test', ask, gauges });
    await metrics.text();
    await metrics.text();
    expect(asked).toBe(1);
  });
});
