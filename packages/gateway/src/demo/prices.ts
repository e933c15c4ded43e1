/** The list prices that the demo replays with, one of them published by itself: with a price for cached input. */
import type { Admin } from './admin.js';
import { say } from './screen.js';
import type { ListPrice } from './sums.js';

export const CACHED_MODEL = 'cw_deepseek-ai_DeepSeek-R1';

/** No provider's price: made up for the demo, and its source says so. */
const CACHED_PRICE = {
  model: CACHED_MODEL,
  input_usd_per_million: '1.35',
  cached_input_usd_per_million: '0.3375',
  output_usd_per_million: '5.40',
  source: 'demo: W&B (R1-0528), cached input assumed at a quarter of input',
};

const PRICES_MAX = 100;

type Version = ListPrice & {
  readonly entity: string | null;
  readonly effective_from: string;
  readonly source: string;
  readonly variants?: readonly unknown[];
};

/**
 * The newest list prices that are in force since `from` and the same for every request. Where no earlier run has published the demo's own
 * price, it is in force since `ownFrom`.
 */
export async function plainPrices(
  admin: Admin,
  { from, ownFrom }: { from: Date; ownFrom: Date },
): Promise<ListPrice[]> {
  const { data: known } = await admin.get<{ data: Version[] }>(`/v1/admin/prices?model=${CACHED_MODEL}`);
  if (!known.some(({ source }) => source === CACHED_PRICE.source)) {
    const order = { ...CACHED_PRICE, effective_from: ownFrom.toISOString() };
    await admin.send('POST', '/v1/admin/prices', order, `demo-price-${ownFrom.toISOString()}`);
  }
  const { data } = await admin.get<{ data: Version[] }>(`/v1/admin/prices?limit=${PRICES_MAX}`);
  const newest = new Map<string, Version>();
  for (const version of data)
    if (version.entity === null && !newest.has(version.model)) newest.set(version.model, version);
  return [...newest.values()].filter(
    ({ effective_from, variants = [] }) => new Date(effective_from) <= from && variants.length === 0,
  );
}

export function sayCachedPrice(): void {
  const { cached_input_usd_per_million: cached, input_usd_per_million: input, source } = CACHED_PRICE;
  say(`${CACHED_MODEL} has a price for cached input: $${cached} per million instead of $${input}`);
  say(`(${source}). The other models charge cached input as input.`);
}

/** Of models that answer in tokens: embeddings cost nothing for their output. */
export function isChatPrice({
  input_usd_per_million: input,
  output_usd_per_million: output,
}: ListPrice): boolean {
  return [input, output].every((usd) => Number(usd ?? 0) > 0);
}
