/** Service tiers: how fast, and at which price, a request was served. */

export const DEFAULT_TIER = 'default';

/** Servers' words for the tier that has no surcharge and no discount, and for the batch tier. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['', DEFAULT_TIER],
  ['standard', DEFAULT_TIER],
  ['on_demand', DEFAULT_TIER],
  ['ondemand', DEFAULT_TIER],
  ['batches', 'batch'],
]);

/** One name a tier, in lower case: `standard` (Anthropic, Gemini) and `default` (OpenAI) are the same tier. */
export function canonicalTier(text: string): string {
  const name = text.trim().toLowerCase();
  return SYNONYMS.get(name) ?? name;
}
