/**
 * `tiered_pricing`: whole price lists by the size of the prompt. The list with from < tokens ≤ to holds for the whole request,
 * above the last range the last; what stands beside it about the same tokens is another statement of the first list.
 */
import { TOKENS_MAX } from '@tally/client/protocol';
import { fallbacksOf, INPUT_TOKEN_METERS, OUTPUT_TOKEN_METERS, type Meter } from '../../domain/meters.js';
import { readFieldName, speaksOfMoney } from './field-name.js';
import { claim, isEntry, newReading, type Claim, type Entry, type Reading } from './map-reading.js';

const FIELD = 'tiered_pricing';
const TEXT_METERS: readonly Meter[] = [...INPUT_TOKEN_METERS, ...OUTPUT_TOKEN_METERS];
const RANGES_MAX = 50;

type Range = { readonly above: number; readonly prices: Map<Meter, Claim> };

/** After the other fields: a range that leaves out the price of text output takes that of the entry. */
export function readTieredPricing(reading: Reading, value: unknown): void {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return;
  const ranges = readRanges(reading, value);
  if (ranges === null) {
    reading.uncharged.push(FIELD);
    return;
  }
  const base = reading.claims.filter(({ when }) => Object.keys(when).length === 0);
  const output = base.find(({ meter }) => meter === 'output');
  const others = reading.claims.filter(
    ({ meter, when }) => !TEXT_METERS.includes(meter) || when.service_tier !== undefined,
  );
  reading.claims.splice(0, reading.claims.length, ...others, ...claimsOf(ranges, output));
}

/** Every range names each meter that one of them names: nothing of one list is taken beside another. */
function claimsOf(ranges: readonly Range[], output: Claim | undefined): Claim[] {
  const meters = TEXT_METERS.filter((meter) => ranges.some(({ prices }) => prices.has(meter)));
  return ranges.flatMap(({ above, prices }) => {
    const when = above === 0 ? {} : { prompt_tokens_above: above };
    if (output !== undefined && !prices.has('output')) prices.set('output', output);
    return [...new Set<Meter>([...meters, ...(prices.has('output') ? (['output'] as const) : [])])].flatMap(
      (meter) => {
        const source = [meter, ...fallbacksOf(meter)].find((candidate) => prices.has(candidate));
        return source === undefined ? [] : [{ ...prices.get(source)!, meter, when }];
      },
    );
  });
}

/** From the smallest prompt on, without a gap; null where that, or a price in them, is not so. */
function readRanges(reading: Reading, value: unknown): Range[] | null {
  if (!Array.isArray(value) || value.length > RANGES_MAX) return null;
  const tiers = value.map((tier: unknown) => ({
    tier,
    range: isEntry(tier) ? readRange(tier['range']) : null,
  }));
  tiers.sort((a, b) => (a.range?.from ?? 0) - (b.range?.from ?? 0));
  const ranges: Range[] = [];
  let reached = 0;
  for (const [index, { tier, range }] of tiers.entries()) {
    // Some lists begin a range at the token after the last one's end.
    if (
      range === null ||
      !isEntry(tier) ||
      range.from < reached ||
      range.from > reached + (reached > 0 ? 1 : 0)
    )
      return null;
    const prices = readTier(reading, tier, index);
    if (prices === null) return null;
    ranges.push({ above: reached, prices });
    reached = range.to;
  }
  return ranges.every(({ prices }) => prices.has('input')) ? ranges : null;
}

function readRange(value: unknown): { from: number; to: number } | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [from, to] = value as unknown[];
  const end = to ?? TOKENS_MAX;
  if (!Number.isInteger(from) || typeof end !== 'number') return null;
  const bounds = { from: from as number, to: Math.min(end, TOKENS_MAX) };
  return bounds.from >= 0 && Number.isInteger(bounds.to) && bounds.to > bounds.from ? bounds : null;
}

function readTier(reading: Reading, tier: Entry, index: number): Map<Meter, Claim> | null {
  const own = newReading();
  for (const [field, value] of Object.entries(tier)) {
    if (field === 'range' || !speaksOfMoney(field) || value === 0) {
      const name = value === 0 ? readFieldName(field) : null;
      if (name !== null) claim(own, { field: `${FIELD}[${index}].${field}`, name, value });
      continue;
    }
    const name = readFieldName(field);
    if (name === null || Object.keys(name.when).length > 0 || !TEXT_METERS.includes(name.meter)) return null;
    claim(own, { field: `${FIELD}[${index}].${field}`, name, value });
  }
  reading.rounded.push(...own.rounded);
  reading.faults.push(...own.faults);
  return new Map(own.claims.map((one) => [one.meter, one]));
}
