/** One model of models.dev's api.json: dollars per million tokens under `cost`. */
import type { Meter } from '../../domain/meters.js';
import type { ConditionsBody } from '../price-terms.schema.js';
import { decide, maximumOf, skipped, type EntryReading, type ReadingOptions } from './map-entry.js';
import { isTokenCount, readDollarsPerMillion } from './map-number.js';
import { claim, isEntry, isZeroThroughout, newReading, type Entry, type Reading } from './map-reading.js';

const METER_OF: Readonly<Record<string, Meter>> = {
  input: 'input',
  output: 'output',
  reasoning: 'reasoning',
  cache_read: 'cached_input',
  cache_write: 'cache_write',
  input_audio: 'input_audio',
  output_audio: 'output_audio',
};

const TIERS_MAX = 50;

export function readModelsDevModel(model: string, value: unknown, options: ReadingOptions): EntryReading {
  if (!isEntry(value)) return skipped('is no model with a cost');
  const cost = value['cost'];
  if (!isEntry(cost)) return skipped('has no cost');
  const reading = newReading();
  readCost(reading, { cost, path: 'cost', when: {} });
  const limit = isEntry(value['limit']) ? value['limit'] : {};
  return decide(reading, {
    model,
    mode: null,
    maxInputTokens: maximumOf(limit['input'], 1) ?? maximumOf(limit['context'], 1),
    maxOutputTokens: maximumOf(limit['output'], 0),
    ...options,
  });
}

function readCost(
  reading: Reading,
  { cost, path, when }: { cost: Entry; path: string; when: ConditionsBody },
): void {
  for (const [name, value] of Object.entries(cost)) {
    const field = `${path}.${name}`;
    const over = /^context_over_(\d{1,6})k$/.exec(name);
    if (Object.hasOwn(METER_OF, name)) {
      claim(
        reading,
        { field, name: { meter: METER_OF[name]!, kind: null, when }, value },
        readDollarsPerMillion,
      );
    } else if (over !== null && isEntry(value) && path === 'cost') {
      readCost(reading, { cost: value, path: field, when: { prompt_tokens_above: Number(over[1]) * 1_000 } });
    } else if (name === 'tiers' && Array.isArray(value) && value.length <= TIERS_MAX && path === 'cost') {
      value.forEach((tier: unknown, index) => readTier(reading, tier, `${field}[${index}]`));
    } else if (value !== null && !isZeroThroughout(value)) {
      reading.uncharged.push(field);
    }
  }
}

function readTier(reading: Reading, tier: unknown, field: string): void {
  const { tier: bounds, ...cost } = isEntry(tier) ? tier : {};
  const size = isEntry(bounds) && bounds['type'] === 'context' ? bounds['size'] : null;
  if (isTokenCount(size, 1)) readCost(reading, { cost, path: field, when: { prompt_tokens_above: size } });
  else reading.uncharged.push(field);
}
