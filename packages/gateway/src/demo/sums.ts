/** What the books must say, computed from the trace alone: quantities × unit prices, in picodollars. */
import { formatUsd, picosFromUsd, type UsageEvent } from '@tally/client/protocol';
import type { Usage } from './admin.js';

export const METERS = ['input', 'cached_input', 'output'] as const;
type Meter = (typeof METERS)[number];

export type MeterSum = { readonly quantity: number; readonly costPicos: bigint };
export type Sum = { readonly requests: number; readonly meters: Readonly<Record<Meter, MeterSum>> };
export type Sums = Map<string, Sum>;

export type ListPrice = {
  readonly model: string;
  readonly input_usd_per_million: string;
  /** Null where cached input costs what other input costs. */
  readonly cached_input_usd_per_million: string | null;
  readonly output_usd_per_million: string;
};

const NO_METER: MeterSum = { quantity: 0, costPicos: 0n };
const NOTHING: Sum = { requests: 0, meters: { input: NO_METER, cached_input: NO_METER, output: NO_METER } };

export function costOf({ meters }: Sum): bigint {
  return METERS.reduce((sum, meter) => sum + meters[meter].costPicos, 0n);
}

/** Embeddings have no answer, and no details. */
type TracedUsage = {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
};

export function cachedTokensOf(usage: object): number {
  return (usage as TracedUsage).prompt_tokens_details?.cached_tokens ?? 0;
}

/** Sums by `entity/project` and model. */
export function expectedSums(events: readonly UsageEvent[], prices: readonly ListPrice[]): Sums {
  const byModel = new Map(prices.map((price) => [price.model, price]));
  const sums: Sums = new Map();
  for (const { subject, data } of events) {
    const usage = data.usage as TracedUsage;
    const price = byModel.get(data.model)!;
    const cached = cachedTokensOf(usage);
    const charge = (quantity: number, usdPerMillion: string): MeterSum => ({
      quantity,
      costPicos: (BigInt(quantity) * picosFromUsd(usdPerMillion)) / 1_000_000n,
    });
    const meters = {
      input: charge(usage.prompt_tokens - cached, price.input_usd_per_million),
      cached_input: charge(cached, price.cached_input_usd_per_million ?? price.input_usd_per_million),
      output: charge(usage.completion_tokens ?? 0, price.output_usd_per_million),
    };
    add(sums, `${subject} ${data.model}`, { requests: 1, meters });
  }
  return sums;
}

/** Tally's sums of one entity, by `entity/project` and model. */
export function reportedSums(entity: string, rows: readonly Usage[]): Sums {
  const sums: Sums = new Map();
  for (const row of rows) {
    const meterSum = (meter: Meter): MeterSum => ({
      quantity: row.quantities[meter] ?? 0,
      costPicos: picosFromUsd(row.meter_costs_usd[meter] ?? '0'),
    });
    const meters = {
      input: meterSum('input'),
      cached_input: meterSum('cached_input'),
      output: meterSum('output'),
    };
    const sum = { requests: row.requests, meters };
    if (costOf(sum) !== picosFromUsd(row.cost_usd))
      throw new Error(`the meters of ${row.project}, ${row.model} do not add up to $${row.cost_usd}`);
    add(sums, `${entity}/${row.project} ${row.model}`, sum);
  }
  return sums;
}

/** `after` minus `before`. */
export function difference(after: Sums, before: Sums): Sums {
  const sums: Sums = new Map();
  for (const [key, sum] of after) {
    const rest = combined(sum, before.get(key) ?? NOTHING, -1);
    if (rest.requests !== 0 || costOf(rest) !== 0n) sums.set(key, rest);
  }
  return sums;
}

/** Adds up keys that belong together, such as all models of a project. */
export function groupSums(sums: Sums, group: (key: string) => string): Sums {
  const groups: Sums = new Map();
  for (const [key, sum] of sums) add(groups, group(key), sum);
  return groups;
}

export function total(sums: Sums): Sum {
  return groupSums(sums, () => '').get('') ?? NOTHING;
}

/** Describes each key at which two sets of sums differ. */
export function disagreements(a: Sums, b: Sums): string[] {
  const text = (sums: Sums, key: string): string => {
    const sum = sums.get(key);
    if (sum === undefined) return 'nothing';
    const meters = METERS.map((meter) => {
      const { quantity, costPicos } = sum.meters[meter];
      return `${quantity} ${meter} for $${formatUsd(costPicos)}`;
    });
    return `${sum.requests} requests, ${meters.join(', ')}`;
  };
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => text(a, key) !== text(b, key))
    .map((key) => `${key}: ${text(a, key)} instead of ${text(b, key)}`);
}

export function merge(parts: readonly Sums[]): Sums {
  const sums: Sums = new Map();
  for (const part of parts) for (const [key, sum] of part) add(sums, key, sum);
  return sums;
}

function add(sums: Sums, key: string, more: Sum): void {
  sums.set(key, combined(sums.get(key) ?? NOTHING, more, 1));
}

function combined(a: Sum, b: Sum, sign: 1 | -1): Sum {
  const of = (meter: Meter): MeterSum => ({
    quantity: a.meters[meter].quantity + sign * b.meters[meter].quantity,
    costPicos: a.meters[meter].costPicos + BigInt(sign) * b.meters[meter].costPicos,
  });
  return {
    requests: a.requests + sign * b.requests,
    meters: { input: of('input'), cached_input: of('cached_input'), output: of('output') },
  };
}
