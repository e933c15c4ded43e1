/** Which prices an entry must have. A missing price is not 0: a model whose answers have none would be given away. */
import type { Meter } from '../../domain/meters.js';
import type { Claim } from './map-reading.js';

/** What they produce is no text, or nothing that is charged: the price of input, or of one of what they count, is enough. */
const WITHOUT_TEXT_OUTPUT = new Set([
  'embedding',
  'rerank',
  'moderation',
  'search',
  'ocr',
  'vector_store',
  'guardrail',
  'image_generation',
  'image_edit',
  'video_generation',
  'audio_speech',
]);

/** They hear or speak: seconds, characters and audio tokens may stand for the price of text. */
const WITH_SOUND = new Set(['audio_transcription', 'realtime']);

const INPUTS: readonly Meter[] = ['input', 'input_audio', 'input_image'];
const OUTPUTS: readonly Meter[] = ['output', 'output_audio', 'output_image'];
const BY_TIME: readonly Meter[] = [
  'input_second',
  'output_second',
  'input_character',
  'output_character',
  'session',
];

/** The reason why these prices are not enough, or null. */
export function missingPrice(claims: readonly Claim[], mode: unknown): string | null {
  const has = (meters: readonly Meter[]): boolean =>
    claims.some(({ meter, when }) => meters.includes(meter) && Object.keys(when).length === 0);
  if (claims.length === 0) return 'has no price';
  if (WITHOUT_TEXT_OUTPUT.has(String(mode))) return null;
  if (WITH_SOUND.has(String(mode))) {
    if (has(BY_TIME)) return null;
    return has(INPUTS) && has(OUTPUTS)
      ? null
      : 'has no price of input, or none of output; a missing price is not 0';
  }
  if (typeof mode !== 'string' && !has(INPUTS) && !has(OUTPUTS)) return null;
  const missing = (['input', 'output'] as const).filter((meter) => !has([meter]));
  if (missing.length === 0) return null;
  const fields = missing.map((meter) => `${meter}_cost_per_token`).join(' and no ');
  return `has no ${fields}, and a missing price is not 0${typeof mode === 'string' ? ` (mode ${mode.slice(0, 64)})` : ''}`;
}
