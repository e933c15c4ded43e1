/** What a sum of usage was charged, by meter; and how quantities and rates are kept in rows. */
import { requireAgreement } from './books-differ.js';
import { assert } from './errors.js';
import { isMeter, METERS, USUAL_METERS, type Meter, type Quantities, type QuantitySums } from './meters.js';
import type { UnitPrices } from './price.js';

export type MeterCharge = {
  readonly meter: Meter;
  /** Negative where a correction reverses usage. */
  readonly quantity: bigint;
  /** Null while the meter has no price. */
  readonly unitPicos: bigint | null;
  readonly costPicos: bigint;
};

/**
 * One charge for each meter that has a quantity, in the order of bills. They add up to the cost, because every cost is quantity ×
 * unit price; it fails where the books say otherwise. Requests are a meter where the rate charges them. `unitPrices` is null for usage
 * that waits for its price.
 */
export function chargesByMeter(usage: {
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  readonly unitPrices: UnitPrices | null;
  readonly costPicos: bigint;
}): MeterCharge[] {
  const { unitPrices } = usage;
  const charges = METERS.flatMap((meter) => {
    const unitPicos = unitPrices?.[meter] ?? null;
    const isRequest = meter === 'request';
    if (isRequest && unitPicos === null) return [];
    const quantity = isRequest ? usage.requests : (usage.quantities[meter] ?? 0n);
    if (quantity === 0n) return [];
    return [{ meter, quantity, unitPicos, costPicos: quantity * (unitPicos ?? 0n) }];
  });
  const sum = charges.reduce((total, charge) => total + charge.costPicos, 0n);
  requireAgreement(['usage at its unit prices', sum], ['its cost', usage.costPicos]);
  return charges;
}

/** Quantities as rows have them: the usual meters in columns, the reasoning within the output, all others in one JSON object of texts. */
export type QuantityColumns = {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly otherQuantities: Readonly<Record<string, string>> | null;
};

export function columnsOf(quantities: Quantities | QuantitySums): QuantityColumns {
  const { input = 0, cached_input = 0, output = 0, reasoning = 0 } = quantities;
  return {
    inputTokens: BigInt(input),
    cachedInputTokens: BigInt(cached_input),
    outputTokens: BigInt(output) + BigInt(reasoning),
    reasoningTokens: BigInt(reasoning),
    otherQuantities: othersOf(quantities),
  };
}

function othersOf(quantities: Quantities | QuantitySums): Record<string, string> | null {
  let others: Record<string, string> | null = null;
  for (const meter of Object.keys(quantities) as Meter[]) {
    if (USUAL_METERS.includes(meter)) continue;
    const quantity = quantities[meter];
    if (quantity === undefined || BigInt(quantity) === 0n) continue;
    (others ??= {})[meter] = String(quantity);
  }
  return others;
}

export function sumsFromColumns(columns: QuantityColumns): QuantitySums {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, otherQuantities } = columns;
  const sums: { [M in Meter]?: bigint } = {};
  if (inputTokens !== 0n) sums.input = inputTokens;
  if (cachedInputTokens !== 0n) sums.cached_input = cachedInputTokens;
  if (outputTokens !== reasoningTokens) sums.output = outputTokens - reasoningTokens;
  if (reasoningTokens !== 0n) sums.reasoning = reasoningTokens;
  for (const [name, text] of Object.entries(otherQuantities ?? {})) {
    assert(isMeter(name), `${name} is a meter`);
    sums[name] = BigInt(text);
  }
  return sums;
}

/** Of one event, whose quantities are small numbers. */
export function quantitiesFromColumns(columns: QuantityColumns): Quantities {
  const entries = Object.entries(sumsFromColumns(columns)).map(([meter, sum]) => [meter, Number(sum)]);
  return Object.fromEntries(entries) as Quantities;
}

/** The JSON form of a rate: meter → picodollars as text. */
export type UnitPricesJson = Readonly<Record<string, string>>;

export function unitPricesFromJson(json: UnitPricesJson): UnitPrices {
  const prices: { [M in Meter]?: bigint } = {};
  for (const [name, picos] of Object.entries(json)) {
    assert(isMeter(name), `${name} is a meter`);
    prices[name] = BigInt(picos);
  }
  return prices;
}

/** In the order of METERS, so that equal rates are equal texts. */
export function unitPricesJson(prices: UnitPrices): UnitPricesJson {
  const priced = METERS.filter((meter) => prices[meter] !== undefined);
  return Object.fromEntries(priced.map((meter) => [meter, String(prices[meter])]));
}
