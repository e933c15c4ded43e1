/** The demo's customers: what of their usage is fixed, and what depends on when the demo runs. */
import { describe, expect, it } from '@jest/globals';
import { NAME_PATTERN, USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import { CUSTOMERS, SEED_DAYS_BACK, type Customer } from '../../packages/gateway/src/demo/customers.js';
import { capAbove } from '../../packages/gateway/src/demo/seed.js';
import { DAY_MS, usageOf } from '../../packages/gateway/src/demo/seeded-usage.js';
import { readTrace } from '../../packages/gateway/src/demo/trace.js';

const trace = await readTrace();
const NOW = new Date('2026-11-29T15:30:00Z');
const usageAt = (customer: Customer, now: Date) => usageOf(customer, { trace, now });
const all = (now: Date) => CUSTOMERS.flatMap((customer) => usageAt(customer, now));

describe('the usage of the demo’s customers', () => {
  it('is of a dozen customers, each with a name of its own, and of five weeks', () => {
    expect(new Set(CUSTOMERS.map(({ name }) => name)).size).toBe(12);
    for (const { name, projects } of CUSTOMERS)
      for (const part of [name, ...projects.map((project) => project.name)])
        expect(part).toMatch(NAME_PATTERN);
    const days = new Set(all(NOW).map(({ time }) => time.slice(0, 10)));
    expect(days.size).toBe(SEED_DAYS_BACK + 1);
  });

  it('is the same in every run, and no two events share an id', () => {
    const events = all(NOW);
    expect(all(NOW)).toEqual(events);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.length).toBeGreaterThan(15_000);
    expect(events.length).toBeLessThan(40_000);
  });

  it.each([0, 1, 13 * 3_600_000, DAY_MS - 1])(
    'is accepted whatever the time of day: nothing is of the future or too old, %d ms after midnight',
    (ms) => {
      const now = new Date(Date.parse('2026-12-01T00:00:00Z') + ms);
      const ages = all(now).map(({ time }) => now.getTime() - Date.parse(time));
      expect(Math.min(...ages)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...ages)).toBeLessThan(USAGE_EVENT_BACK_MS_MAX - 60_000);
    },
  );

  it('has the same events under the same ids a day later, and more', () => {
    const later = new Map(all(new Date(NOW.getTime() + DAY_MS)).map((event) => [event.id, event]));
    const kept = all(NOW).filter(({ id }) => later.has(id));
    for (const event of kept) expect(later.get(event.id)).toEqual(event);
    expect(kept.length).toBeGreaterThan(15_000);
    expect(later.size).toBeGreaterThan(kept.length);
  });

  it('has parts that never exceed their whole', () => {
    for (const { data } of all(NOW)) {
      const usage = data.usage as {
        prompt_tokens: number;
        completion_tokens?: number;
        total_tokens: number;
        prompt_tokens_details?: { cached_tokens: number };
      };
      expect(usage.prompt_tokens + (usage.completion_tokens ?? 0)).toBe(usage.total_tokens);
      expect(usage.prompt_tokens_details?.cached_tokens ?? 0).toBeLessThanOrEqual(usage.prompt_tokens);
    }
  });
});

it.each([
  ['187.43', '200'],
  ['5.20', '6'],
  ['0.001', '1'],
  ['990', '1100'],
  ['4803.77', '5000'],
])('a cap above $%s is $%s: round, and at least 3 % away', (spent, cap) => {
  const [whole = '', cents = ''] = spent.split('.');
  expect(capAbove(BigInt(whole) * 10n ** 12n + BigInt(cents.padEnd(12, '0')))).toBe(cap);
});
