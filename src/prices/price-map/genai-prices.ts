/** One model of genai-prices' data.json: dollars per million tokens (`_mtok`) or per thousand requests (`_kcount`) under `prices`. */
import type { Meter } from '../../domain/meters.js';
import { decide, maximumOf, skipped, type EntryReading, type ReadingOptions } from './map-entry.js';
import { isTokenCount, readDollarsPerMillion, readDollarsPerThousand } from './map-number.js';
import { claim, isEntry, isZeroThroughout, newReading, type Reading } from './map-reading.js';

const METER_OF: Readonly<Record<string, Meter>> = {
  input_mtok: 'input',
  output_mtok: 'output',
  cache_read_mtok: 'cached_input',
  cache_write_mtok: 'cache_write',
  input_audio_mtok: 'input_audio',
  cache_audio_read_mtok: 'cached_input_audio',
  output_audio_mtok: 'output_audio',
  input_image_mtok: 'input_image',
  output_image_mtok: 'output_image',
  input_video_mtok: 'input_video',
  output_video_mtok: 'output_video',
  requests_kcount: 'request',
};

const TIERS_MAX = 50;

export function readGenaiModel(model: string, value: unknown, options: ReadingOptions): EntryReading {
  if (!isEntry(value)) return skipped('is no model with prices');
  const prices = value['prices'];
  if (Array.isArray(prices)) return skipped('has prices with conditions, which are not read from this form');
  if (!isEntry(prices)) return skipped('has no prices');
  const reading = newReading();
  for (const [name, price] of Object.entries(prices)) readPrice(reading, name, price);
  return decide(reading, {
    model,
    mode: null,
    maxInputTokens: maximumOf(value['context_window'], 1),
    maxOutputTokens: null,
    ...options,
  });
}

function readPrice(reading: Reading, name: string, price: unknown): void {
  const field = `prices.${name}`;
  const tiers = isEntry(price) ? price['tiers'] : [];
  if (!Object.hasOwn(METER_OF, name) || !Array.isArray(tiers) || tiers.length > TIERS_MAX) {
    if (price !== null && !isZeroThroughout(price)) reading.uncharged.push(field);
    return;
  }
  const meter = METER_OF[name]!;
  const read = meter === 'request' ? readDollarsPerThousand : readDollarsPerMillion;
  const base = isEntry(price) ? price['base'] : price;
  claim(reading, { field, name: { meter, kind: null, when: {} }, value: base }, read);
  for (const [index, tier] of tiers.entries()) {
    const path = `${field}.tiers[${index}]`;
    const start = isEntry(tier) ? tier['start'] : null;
    if (!isEntry(tier) || !isTokenCount(start, 0)) {
      reading.uncharged.push(path);
      continue;
    }
    const name = { meter, kind: null, when: { prompt_tokens_above: start } };
    claim(reading, { field: path, name, value: tier['price'] }, read);
  }
}
