/** Wholes and their parts: what a server counts within the prompt or the answer, taken apart into disjoint meters. */
import { TOKENS_MAX } from '@tally/client/protocol';
import type { Meter, Quantities } from '../../domain/meters.js';
import { UsageRefusal } from './usage-fields.js';

export type Modality = 'audio' | 'image' | 'video';
export type ByModality = { readonly [M in Modality]?: number };

const MODALITIES = ['audio', 'image', 'video'] as const;

export type Input = {
  /** All of the prompt; everything below is within it. */
  readonly whole: number;
  readonly cached?: number;
  /** The cached tokens that are no text; null where the server does not say. */
  readonly cachedParts?: ByModality | null;
  readonly written?: number;
  /** What of it is kept for an hour. */
  readonly writtenLong?: number;
  /** Tokens that are no text, the cached ones included. */
  readonly parts?: ByModality;
};

/** `whole` names the field of the whole for a refusal. */
export function splitInput(input: Input, whole: string): Quantities {
  const { cached = 0, written = 0, writtenLong = 0, parts = {}, cachedParts = null } = input;
  if (cached + written > input.whole)
    throw new UsageRefusal(whole, 'must not have more cached tokens than tokens');
  if (writtenLong > written)
    throw new UsageRefusal(whole, 'must not have more tokens written for an hour than tokens written');
  const uncached = { audio: parts.audio ?? 0, image: parts.image ?? 0, video: parts.video ?? 0 };
  const ofCache = { audio: 0, image: 0, video: 0 };
  for (const modality of MODALITIES) {
    if (uncached[modality] > input.whole)
      throw new UsageRefusal(whole, `must not have more ${modality} tokens than tokens`);
    const read = Math.min(cachedParts?.[modality] ?? 0, uncached[modality]);
    ofCache[modality] = read;
    uncached[modality] -= read;
  }
  let text = input.whole - cached - written - sumOf(uncached);
  // Where nobody says which tokens were cached, what does not fit beside them was.
  for (const modality of MODALITIES) {
    if (text >= 0 || cachedParts !== null) break;
    const read = Math.min(-text, uncached[modality]);
    ofCache[modality] += read;
    uncached[modality] -= read;
    text += read;
  }
  const cachedText = cached - ofCache.audio - ofCache.image;
  if (text < 0 || cachedText < 0)
    throw new UsageRefusal(whole, 'must not have parts that are more than the whole');
  return positive({
    input: text,
    cached_input: cachedText,
    cached_input_audio: ofCache.audio,
    cached_input_image: ofCache.image,
    cache_write: written - writtenLong,
    cache_write_1h: writtenLong,
    input_audio: uncached.audio,
    input_image: uncached.image,
    input_video: uncached.video,
  });
}

export type Output = {
  /** All of the answer, the reasoning included. */
  readonly whole: number;
  readonly reasoning?: number;
  readonly parts?: ByModality;
};

export function splitOutput({ whole: all, reasoning = 0, parts = {} }: Output, whole: string): Quantities {
  const { audio = 0, image = 0, video = 0 } = parts;
  const text = all - reasoning - audio - image - video;
  if (text < 0) throw new UsageRefusal(whole, 'must not have parts that are more than the whole');
  return positive({
    output: text,
    reasoning,
    output_audio: audio,
    output_image: image,
    output_video: video,
  });
}

/** Without what is zero. Sums of fields may pass what one field may have. */
export function positive(quantities: Quantities): Quantities {
  const kept: { [M in Meter]?: number } = {};
  for (const meter of Object.keys(quantities) as Meter[]) {
    const quantity = quantities[meter] ?? 0;
    if (quantity > TOKENS_MAX) throw new UsageRefusal('', `must have at most ${TOKENS_MAX} of ${meter}`);
    if (quantity > 0) kept[meter] = quantity;
  }
  return kept;
}

/** Counts of meters that are disjoint may be added. */
export function added(...all: Quantities[]): Quantities {
  const sums: { [M in Meter]?: number } = {};
  for (const quantities of all) {
    for (const meter of Object.keys(quantities) as Meter[]) {
      sums[meter] = (sums[meter] ?? 0) + (quantities[meter] ?? 0);
    }
  }
  return positive(sums);
}

/** `allowed` are the totals that the parts may have. */
export function checkTotal(total: number | null, allowed: readonly number[], field: string): void {
  if (total === null || allowed.includes(total)) return;
  throw new UsageRefusal(field, `must be the sum of its parts, ${allowed[0]}`);
}

function sumOf({ audio, image, video }: Required<ByModality>): number {
  return audio + image + video;
}
