/** From the prices that an entry names to the body of a price, as an admin would post it. */
import { METERS, type Meter } from '../../domain/meters.js';
import { conditionsText, formatUnitPrice } from '../price-terms.js';
import {
  priceFieldOf,
  type ConditionsBody,
  type PriceTermsBody,
  type VariantBody,
} from '../price-terms.schema.js';
import type { Claim, Reading } from './map-reading.js';

/** One meter under one set of conditions. */
type Group = { readonly when: ConditionsBody; readonly prices: Map<Meter, bigint>; multiplier?: string };

/** Fields that state another price for the same thing go to `uncharged`: the first one holds. */
export function termsOf(reading: Reading): PriceTermsBody {
  const claims = withReasoningOfTiers(withKinds(reading.claims));
  const groups = new Map<string, Group>();
  for (const { meter, when, picos, field } of claims) {
    const { prices } = groupOf(groups, when);
    const stated = prices.get(meter);
    if (stated === undefined) prices.set(meter, picos);
    else if (stated !== picos) reading.uncharged.push(field);
  }
  for (const { when, multiplier } of reading.uplifts) groupOf(groups, when).multiplier = multiplier;
  const base = groups.get('{}')?.prices ?? new Map<Meter, bigint>();
  const variants = [...groups.values()]
    .filter(({ when }) => Object.keys(when).length > 0)
    .sort((a, b) => compareConditions(a.when, b.when));
  return { ...bodyOf(base), ...(variants.length > 0 && { variants: variants.map(variantOf) }) };
}

function groupOf(groups: Map<string, Group>, when: ConditionsBody): Group {
  const key = conditionsText(when);
  const found = groups.get(key) ?? { when, prices: new Map<Meter, bigint>() };
  groups.set(key, found);
  return found;
}

/**
 * Where one meter counts several kinds and the entry prices more than one, the first of this order is the base and the event says
 * if it is another (`{"modality": "video"}`).
 */
const KINDS = [null, 'output', 'input', 'audio', 'video'] as const;

function withKinds(claims: readonly Claim[]): Claim[] {
  const usual = new Map<Meter, Claim['kind']>();
  for (const kind of KINDS) {
    for (const one of claims) if (one.kind === kind && !usual.has(one.meter)) usual.set(one.meter, kind);
  }
  return claims.map((one) => {
    if (one.kind === null || usual.get(one.meter) === one.kind) return one;
    const attribute = one.kind === 'audio' || one.kind === 'video' ? 'modality' : 'direction';
    return { ...one, when: { ...one.when, attributes: { ...one.when.attributes, [attribute]: one.kind } } };
  });
}

/**
 * A tier that states the price of output and none of thinking charges thinking as output, as LiteLLM's calculator does; the
 * standard price of thinking is that of the standard tier.
 */
function withReasoningOfTiers(claims: readonly Claim[]): Claim[] {
  const stated = new Set(
    claims.filter(({ meter }) => meter === 'reasoning').map(({ when }) => conditionsText(when)),
  );
  if (stated.size === 0) return [...claims];
  const added = claims
    .filter(
      ({ meter, when }) =>
        meter === 'output' && when.service_tier !== undefined && !stated.has(conditionsText(when)),
    )
    .map((one): Claim => ({ ...one, meter: 'reasoning' }));
  return [...claims, ...added];
}

function variantOf({ when, prices, multiplier }: Group): VariantBody {
  return { when, ...bodyOf(prices), ...(multiplier !== undefined && { multiplier }) };
}

function bodyOf(prices: ReadonlyMap<Meter, bigint>): Omit<VariantBody, 'when'> {
  const stated = METERS.filter((meter) => prices.has(meter));
  return Object.fromEntries(
    stated.map((meter) => [priceFieldOf(meter), formatUnitPrice(meter, prices.get(meter)!)]),
  );
}

/**
 * One order whatever the order of the map, so that a map that says the same is no change. Of variants with equally many conditions
 * the last one holds: attributes come after tiers.
 */
function compareConditions(a: ConditionsBody, b: ConditionsBody): number {
  return (
    rankOf(a) - rankOf(b) ||
    (a.prompt_tokens_above ?? -1) - (b.prompt_tokens_above ?? -1) ||
    compareText(conditionsText(a), conditionsText(b))
  );
}

function rankOf({ region, utc, attributes, service_tier }: ConditionsBody): number {
  return (
    (region === undefined ? 0 : 8) +
    (utc === undefined ? 0 : 4) +
    (attributes === undefined ? 0 : 2) +
    (service_tier === undefined ? 0 : 1)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
