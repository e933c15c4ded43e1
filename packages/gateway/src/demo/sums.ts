/** What the books must say, computed from the trace alone: tokens × list price, in picodollars. */
import { formatUsd, picosFromUsd, type UsageEvent } from '@tally/client/protocol';
import type { Usage } from './admin.js';

export type Sum = { requests: number; promptTokens: number; completionTokens: number; costPicos: bigint };
export type Sums = Map<string, Sum>;

export type ListPrice = {
  readonly model: string;
  readonly input_usd_per_million: string;
  readonly output_usd_per_million: string;
};

/** Sums by `entity/project` and model. */
export function expectedSums(events: readonly UsageEvent[], prices: readonly ListPrice[]): Sums {
  const byModel = new Map(prices.map((price) => [price.model, price]));
  const sums: Sums = new Map();
  for (const { subject, data } of events) {
    const usage = data.usage as { prompt_tokens: number; completion_tokens: number };
    const price = byModel.get(data.model)!;
    add(sums, `${subject} ${data.model}`, {
      requests: 1,
      promptTokens: usage.prompt_tokens,
      completionTokens: usage.completion_tokens,
      costPicos:
        (BigInt(usage.prompt_tokens) * picosFromUsd(price.input_usd_per_million)) / 1_000_000n +
        (BigInt(usage.completion_tokens) * picosFromUsd(price.output_usd_per_million)) / 1_000_000n,
    });
  }
  return sums;
}

/** Tally's sums of one entity, by `entity/project` and model. */
export function reportedSums(entity: string, rows: readonly Usage[]): Sums {
  const sums: Sums = new Map();
  for (const row of rows) {
    add(sums, `${entity}/${row.project} ${row.model}`, {
      requests: row.requests,
      promptTokens: row.input_tokens + row.cached_input_tokens,
      completionTokens: row.output_tokens,
      costPicos: picosFromUsd(row.cost_usd),
    });
  }
  return sums;
}

/** `after` minus `before`. */
export function difference(after: Sums, before: Sums): Sums {
  const sums: Sums = new Map();
  for (const [key, sum] of after) {
    const old = before.get(key) ?? { requests: 0, promptTokens: 0, completionTokens: 0, costPicos: 0n };
    const rest = {
      requests: sum.requests - old.requests,
      promptTokens: sum.promptTokens - old.promptTokens,
      completionTokens: sum.completionTokens - old.completionTokens,
      costPicos: sum.costPicos - old.costPicos,
    };
    if (rest.requests !== 0 || rest.costPicos !== 0n) sums.set(key, rest);
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
  return (
    groupSums(sums, () => '').get('') ?? { requests: 0, promptTokens: 0, completionTokens: 0, costPicos: 0n }
  );
}

/** Describes each key at which two sets of sums differ. */
export function disagreements(a: Sums, b: Sums): string[] {
  const text = (sums: Sums, key: string): string => {
    const sum = sums.get(key);
    return sum === undefined
      ? 'nothing'
      : `${sum.requests} requests, ${sum.promptTokens}+${sum.completionTokens} tokens, $${formatUsd(sum.costPicos)}`;
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
  const sum = sums.get(key) ?? { requests: 0, promptTokens: 0, completionTokens: 0, costPicos: 0n };
  sums.set(key, {
    requests: sum.requests + more.requests,
    promptTokens: sum.promptTokens + more.promptTokens,
    completionTokens: sum.completionTokens + more.completionTokens,
    costPicos: sum.costPicos + more.costPicos,
  });
}
