/** A price version as its row has it: what it charges, and the terms as they were given. */
import type { EntityName } from '../domain/ids.js';
import type { Price } from '../domain/price.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import { readPriceTerms } from './price-terms.js';

export type PriceRow = Price & {
  /** As given. */
  readonly terms: PriceTermsBody;
  readonly source: string;
  readonly createdAt: Date;
};

/** As the table has it. The terms passed their schema when they were stored. */
export type StoredPrice = Omit<PriceRow, 'prices' | 'variants' | 'entity'> & {
  readonly entity: string | null;
};

export function priceRowOf(stored: StoredPrice): PriceRow {
  return { ...stored, entity: stored.entity as EntityName | null, ...readPriceTerms(stored.terms) };
}
