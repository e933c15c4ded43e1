/**
 * The names of LiteLLM's price fields are a grammar, and are read as one: a tier or a resolution that appears next month needs
 * no release.
 *
 *   <direction>_cost_per_<unit>             input_cost_per_token, output_cost_per_audio_token
 *   cache_(read|creation)_input_<kind>_cost cache_read_input_audio_token_cost
 *   <service>_cost_per_(page|query|session) ocr_cost_per_page, google_maps_grounding_cost_per_query
 *
 * each followed, in any order, by `_above_<N>hr` (how long a cache keeps what was written), `_above_<N>k_tokens` (the size of the
 * prompt), a resolution, size or quality (of images and video), and one more word, which is a service tier.
 */
import { TOKENS_MAX } from '@tally/client/protocol';
import type { Meter } from '../../domain/meters.js';
import { canonicalTier, DEFAULT_TIER } from '../../domain/service-tier.js';
import type { ConditionsBody } from '../price-terms.schema.js';

/** What a field charges, and when. */
export type FieldName = {
  readonly meter: Meter;
  /** What is counted, where one meter counts several: images that went in or came out, seconds of audio or of video. */
  readonly kind: 'input' | 'output' | 'audio' | 'video' | null;
  readonly when: ConditionsBody;
};

type Head = {
  readonly meter: Meter;
  readonly kind?: FieldName['kind'];
  readonly attributes?: Record<string, string>;
};

const UNITS: Readonly<Record<string, Head>> = {
  input_token: { meter: 'input' },
  input_text_token: { meter: 'input' },
  input_token_cache_hit: { meter: 'cached_input' },
  input_audio_token: { meter: 'input_audio' },
  input_image_token: { meter: 'input_image' },
  input_video_token: { meter: 'input_video' },
  output_token: { meter: 'output' },
  output_text_token: { meter: 'output' },
  output_reasoning_token: { meter: 'reasoning' },
  output_audio_token: { meter: 'output_audio' },
  output_image_token: { meter: 'output_image' },
  output_video_token: { meter: 'output_video' },
  input_character: { meter: 'input_character' },
  output_character: { meter: 'output_character' },
  input_second: { meter: 'input_second' },
  output_second: { meter: 'output_second' },
  input_audio_per_second: { meter: 'input_second', kind: 'audio' },
  input_video_per_second: { meter: 'input_second', kind: 'video' },
  output_audio_per_second: { meter: 'output_second', kind: 'audio' },
  output_video_per_second: { meter: 'output_second', kind: 'video' },
  input_image: { meter: 'image', kind: 'input' },
  output_image: { meter: 'image', kind: 'output' },
  input_query: { meter: 'query' },
  input_request: { meter: 'request' },
  output_request: { meter: 'request' },
  input_page: { meter: 'page' },
  output_page: { meter: 'page' },
  input_session: { meter: 'session' },
};

const CACHE_READS: Readonly<Record<string, Meter>> = {
  token: 'cached_input',
  text_token: 'cached_input',
  audio_token: 'cached_input_audio',
  image_token: 'cached_input_image',
};

const DIRECTED = /^(input|output)_cost_per_(.+)$/;
const CACHE_READ = /^(explicit_)?cache_read_input_((?:text_|audio_|image_)?token)_cost(_.+)?$/;
const CACHE_WRITE = /^cache_creation_input_(?:text_)?token_cost(_.+)?$/;
const GROUNDING = /^([a-z]+(?:_[a-z]+)*)_grounding_cost_per_query(_.+)?$/;
const SERVICE = /^(ocr_cost_per_page|annotation_cost_per_page|code_interpreter_cost_per_session)(_.+)?$/;
const SERVICES: Readonly<Record<string, Head>> = {
  ocr_cost_per_page: { meter: 'page' },
  annotation_cost_per_page: { meter: 'page', attributes: { annotation: 'true' } },
  code_interpreter_cost_per_session: { meter: 'session' },
};

/** Longer than any name of the grammar, so that a name as long as the map costs nothing to refuse. */
export const NAME_LENGTH_MAX = 160;

/** Null where the name is not of this grammar: Tally has no meter for it. */
export function readFieldName(name: string): FieldName | null {
  if (name.length > NAME_LENGTH_MAX) return null;
  const split = splitHead(name);
  if (split === null) return null;
  const { head, rest } = split;
  const suffixes = readSuffixes(rest, head.meter);
  if (suffixes === null) return null;
  const attributes = { ...head.attributes, ...suffixes.attributes };
  return {
    meter: suffixes.cacheWrite ?? head.meter,
    kind: head.kind ?? null,
    when: {
      ...(suffixes.above !== undefined && { prompt_tokens_above: suffixes.above }),
      ...(suffixes.tier !== undefined && { service_tier: suffixes.tier }),
      ...(Object.keys(attributes).length > 0 && { attributes }),
    },
  };
}

function splitHead(name: string): { head: Head; rest: string } | null {
  const directed = DIRECTED.exec(name);
  if (directed !== null) return splitUnit(directed[1]!, directed[2]!);
  const read = CACHE_READ.exec(name);
  if (read !== null) {
    // A cache that the caller made itself, as against one that the server keeps by itself.
    const attributes = read[1] === undefined ? undefined : { cache_type: 'ephemeral' };
    return {
      head: { meter: CACHE_READS[read[2]!]!, ...(attributes && { attributes }) },
      rest: read[3] ?? '',
    };
  }
  const write = CACHE_WRITE.exec(name);
  if (write !== null) return { head: { meter: 'cache_write' }, rest: write[1] ?? '' };
  const grounding = GROUNDING.exec(name);
  if (grounding !== null) {
    // A search like any other, in another index: the event says in which.
    return { head: { meter: 'search', attributes: { grounding: grounding[1]! } }, rest: grounding[2] ?? '' };
  }
  const service = SERVICE.exec(name);
  return service === null ? null : { head: SERVICES[service[1]!]!, rest: service[2] ?? '' };
}

/** The longest unit that the text begins with: `token_cache_hit` before `token`. */
function splitUnit(direction: string, text: string): { head: Head; rest: string } | null {
  for (let end = text.length; end > 0; end = text.lastIndexOf('_', end - 1)) {
    const unit = `${direction}_${text.slice(0, end)}`;
    if (Object.hasOwn(UNITS, unit)) return { head: UNITS[unit]!, rest: text.slice(end) };
  }
  return null;
}

type Suffixes = {
  cacheWrite?: Meter;
  above?: number;
  tier?: string;
  attributes: Record<string, string>;
};

const KEPT = /^_above_(\d{1,3})(hrs?|h|mins?)(?=_|$)/;
const SIZE_OF_PROMPT = /^_above_(\d{1,10})(k|m)?_tokens(?=_|$)/;
/** In the order in which they are tried: a size begins like a resolution. */
const ATTRIBUTES = [
  ['size', /^_(\d{2,5})(?:-x-|x|_x_)(\d{2,5})(?=_|$)/],
  ['resolution', /^_(\d{1,4}(?:\.\d{1,2})?[pkPK]|\d{3,4})(?=_|$)/],
  ['quality', /^_(hd|low|medium|high|ultra|standard)(?=_|$)/],
] as const;
const WORD = /^_([a-z][a-z0-9]{1,31})(?=_|$)/;

/** Words of the grammar itself, or of units: a name that has one of them left over is one that we do not understand. */
const NO_TIER =
  /^(above|below|up|to|and|or|per|with|without|cost|price|tokens?|audio|images?|videos?|text|cache|cached|read|hit|write|creation|reasoning|seconds?|minutes?|hours?|hr|interval|pixels?|characters?|query|queries|requests?|pages?|steps?|messages?|input|output|units?)$/;

const PICTURED: readonly Meter[] = ['image', 'input_second', 'output_second'];

function readSuffixes(text: string, meter: Meter): Suffixes | null {
  const found: Suffixes = { attributes: {} };
  let rest = text;
  while (rest !== '') {
    const length = readSuffix(rest, meter, found);
    if (length === null) return null;
    rest = rest.slice(length);
  }
  return found;
}

/** Adds what the text begins with to `found`; its length, or null where it is nothing that we know, or known already. */
function readSuffix(rest: string, meter: Meter, found: Suffixes): number | null {
  const kept = KEPT.exec(rest);
  if (kept !== null) {
    const written = meter === 'cache_write' ? cacheWriteOf(Number(kept[1]), kept[2]!) : null;
    if (written === null || found.cacheWrite !== undefined) return null;
    found.cacheWrite = written;
    return kept[0].length;
  }
  const above = SIZE_OF_PROMPT.exec(rest);
  if (above !== null) {
    const tokens = Number(above[1]) * (above[2] === 'k' ? 1_000 : above[2] === 'm' ? 1_000_000 : 1);
    if (found.above !== undefined || tokens > TOKENS_MAX) return null;
    found.above = tokens;
    return above[0].length;
  }
  return readAttribute(rest, meter, found) ?? readTier(rest, found);
}

function cacheWriteOf(time: number, unit: string): Meter | null {
  const minutes = unit.startsWith('h') ? time * 60 : time;
  if (minutes === 30) return 'cache_write_30m';
  if (minutes === 60) return 'cache_write_1h';
  return minutes === 720 ? 'cache_write_12h' : null;
}

function readAttribute(rest: string, meter: Meter, { attributes }: Suffixes): number | null {
  if (!PICTURED.includes(meter)) return null;
  for (const [attribute, pattern] of ATTRIBUTES) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    if (attributes[attribute] !== undefined) return null;
    attributes[attribute] = match.slice(1).join('x');
    return match[0].length;
  }
  return null;
}

function readTier(rest: string, found: Suffixes): number | null {
  const match = WORD.exec(rest);
  if (match === null || found.tier !== undefined || NO_TIER.test(match[1]!)) return null;
  const tier = canonicalTier(match[1]!);
  if (tier === DEFAULT_TIER) return null;
  found.tier = tier;
  return match[0].length;
}

/** Whether a name that is not of the grammar speaks of money. */
export function speaksOfMoney(name: string): boolean {
  return MONEY.test(name) && !NO_MONEY.test(name);
}

const MONEY =
  /(^|_)(costs?|prices?|pricing|rates?|fees?|charges?|surcharges?|discounts?|multipliers?|uplifts?)(_|$)/i;
/** Limits, sampling rates, and Databricks' second statement of the same price in its own unit. */
const NO_MONEY = /rate_limit|sampl(e|ing)_rate|frame_rate|bit_rate|_dbu_cost_|(^|_)currency(_|$)/i;
