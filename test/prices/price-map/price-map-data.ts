/** The price maps of test/data/price-map. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Quantities } from '../../../src/domain/meters.js';
import { circumstancesOf, resolve, type Resolved } from '../../../src/domain/price.js';
import { readMapEntry, type EntryReading } from '../../../src/prices/price-map/map-entry.js';
import { readPriceTerms } from '../../../src/prices/price-terms.js';

type Entry = Record<string, unknown>;

const FOLDER = new URL('../../data/price-map/', import.meta.url);

export function bytesOf(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`${name}.gz`, FOLDER)));
}

function parsed(name: string): unknown {
  return JSON.parse(bytesOf(name).toString());
}

export const litellmMap = parsed('litellm-prices.json') as Record<string, Entry>;

export const priceEntries = parsed('price-entries.json') as {
  entries: Record<string, Entry>;
  usages: { model: string; service_tier: string; quantities: Quantities; cost_picos: string }[];
};

/** Model, tier, region, attributes, time, quantities, cost in US dollars as LiteLLM's double. */
export const litellmCosts = parsed('litellm-costs.json') as [
  string,
  string,
  string | null,
  Record<string, string> | null,
  string,
  Quantities,
  number,
][];

export const STRICT = { allowLossy: false, allowFree: false };

export type PriceReading = Extract<EntryReading, { kind: 'price' }>;

/** The entry as a price; a test that gets none fails with the reason. */
export function priceOf(model: string, entry: unknown, options = STRICT): PriceReading {
  const reading = readMapEntry(model, entry, options);
  if (reading.kind === 'skipped') throw new Error(`${model} ${reading.reason} ${reading.fields.join(', ')}`);
  return reading;
}

export type Use = {
  quantities: Quantities;
  serviceTier?: string;
  region?: string | null;
  attributes?: Record<string, string> | null;
  at?: string;
};

export function resolved({ price }: PriceReading, use: Use): Resolved {
  const { quantities, serviceTier = 'default', region = null, attributes = null } = use;
  const occurredAt = new Date(use.at ?? '2026-11-20T12:00:00Z');
  const event = { quantities, serviceTier, region, attributes, occurredAt };
  return resolve(readPriceTerms(price.terms), circumstancesOf(event));
}
