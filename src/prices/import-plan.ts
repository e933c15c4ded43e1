/** What an import does with each entry of a price map. Pure. */
import { hasTooManyCombinations, TOO_MANY_COMBINATIONS } from './chargeable-terms.js';
import { differencesOf, type FieldDifference } from './price-differences.js';
import { MAP_SOURCE } from './map-source.js';
import type { EntryReading, MappedPrice } from './price-map/map-entry.js';
import type { PriceRow } from './price-row.js';
import { readPriceTerms } from './price-terms.js';

export type PlannedPrice = {
  readonly model: string;
  /** The list price in force. */
  readonly before: PriceRow | null;
  readonly after: MappedPrice;
  readonly differences: readonly FieldDifference[];
  /** Fields of the map: of amounts that were rounded, and of what Tally cannot charge. */
  readonly rounded: readonly string[];
  readonly ignored: readonly string[];
};

/** What an entry ends in, exactly one of them. */
export type Planned =
  | ({ readonly list: 'changes' } & PlannedPrice)
  | ({ readonly list: 'kept' } & PlannedPrice)
  | ({ readonly list: 'unchanged' } & PlannedPrice)
  | {
      readonly list: 'skipped';
      readonly model: string;
      readonly reason: string;
      readonly fields: readonly string[];
    };

export function planEntry(
  { model, reading }: { model: string; reading: EntryReading },
  before: PriceRow | null,
  { overwrite }: { overwrite: boolean },
): Planned {
  if (reading.kind === 'skipped') {
    return { list: 'skipped', model: shown(model), reason: reading.reason, fields: reading.fields };
  }
  const { price, rounded, ignored } = reading;
  if (hasTooManyCombinations(readPriceTerms(price.terms))) {
    return { list: 'skipped', model, reason: TOO_MANY_COMBINATIONS, fields: ['variants'] };
  }
  const differences = differencesOf(before, price);
  const isSetByHand = before !== null && before.source !== MAP_SOURCE;
  const list = differences.length === 0 ? 'unchanged' : isSetByHand && !overwrite ? 'kept' : 'changes';
  return { list, model, before, after: price, differences, rounded, ignored };
}

/** A name that is refused may be of any length, and may hold what no JSON reader takes. */
function shown(model: string): string {
  return model.slice(0, 256).toWellFormed();
}
