/**
 * How large a model's outputs are, in classes of size, and what a request of an unnamed output may be expected to need. Classes
 * are a quarter of an octave wide, so a size read off them is at most a fifth above the true one, and never below it.
 */

/** The share of requests whose output fits into what is held for them. */
export const OUTPUT_SHARE = 0.99;
/** With fewer requests seen nothing is learned. */
export const REQUESTS_SEEN_MIN = 100;

/** The largest count of tokens that an event may have. */
const TOKENS_MAX = 2 ** 31 - 1;
const CLASSES_AN_OCTAVE = 4;

/** A class by the most tokens that it takes: `{ tokensMax, requests }`. */
export type OutputSize = { readonly tokensMax: number; readonly requests: number };

/** Each larger than the one before; the first is no output at all. */
const CLASSES: readonly number[] = classes();

function classes(): number[] {
  const bounds = [0];
  for (let step = 0; bounds.at(-1)! < TOKENS_MAX; step += 1) {
    const bound = Math.min(Math.floor(2 ** (step / CLASSES_AN_OCTAVE)), TOKENS_MAX);
    if (bound > bounds.at(-1)!) bounds.push(bound);
  }
  return bounds;
}

/** The least class that takes so many tokens, by its most. */
export function classOf(outputTokens: number): number {
  let low = 0;
  let high = CLASSES.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (CLASSES[middle]! < outputTokens) low = middle + 1;
    else high = middle;
  }
  return CLASSES[low]!;
}

/** The tokens that OUTPUT_SHARE of the requests did not exceed; null where too few were seen. */
export function learnedOutputTokens(sizes: readonly OutputSize[]): number | null {
  const seen = sizes.reduce((sum, { requests }) => sum + requests, 0);
  if (seen < REQUESTS_SEEN_MIN) return null;
  let covered = 0;
  for (const { tokensMax, requests } of sizes.toSorted((a, b) => a.tokensMax - b.tokensMax)) {
    covered += requests;
    if (covered >= seen * OUTPUT_SHARE) return tokensMax;
  }
  return null;
}
