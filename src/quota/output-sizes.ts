/**
 * The sizes of a model's outputs in classes, and the output that a request which names no maximum probably needs. A class is a
 * quarter of an octave wide, so its size is at most a fifth above the true size, and never below it.
 */
import { TOKENS_MAX } from '@tally/client/protocol';

/** The share of requests whose output fits into their learned hold. */
export const OUTPUT_SHARE = 0.99;
/** With fewer requests nothing is learned. */
export const REQUESTS_SEEN_MIN = 100;

const CLASSES_AN_OCTAVE = 4;

/** A class is named by the largest output that it contains. */
export type OutputSize = { readonly tokensMax: number; readonly requests: number };

/** Ascending; the first class is no output at all. */
const CLASSES: readonly number[] = classes();

function classes(): number[] {
  const bounds = [0];
  for (let step = 0; bounds.at(-1)! < TOKENS_MAX; step += 1) {
    const bound = Math.min(Math.floor(2 ** (step / CLASSES_AN_OCTAVE)), TOKENS_MAX);
    if (bound > bounds.at(-1)!) bounds.push(bound);
  }
  return bounds;
}

/** The smallest class that contains so many tokens. */
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

/** The size that OUTPUT_SHARE of the requests did not exceed; null where too few were seen. */
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
