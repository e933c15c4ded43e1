/** Where a hold's price comes from. The price book implements it; quota lies below it and knows this much only. */
import type { EntityName } from '../domain/ids.js';
import type { Price } from '../domain/price.js';

export abstract class PriceSource {
  /** The same without waiting; undefined where only `priceFor` can tell. */
  priceAtHand(_use: { model: string; entity: EntityName; at: Date }): Price | null | undefined {
    return undefined;
  }

  /** The price version in force, or null for a model that has none. */
  abstract priceFor(use: { model: string; entity: EntityName; at: Date }): Promise<Price | null>;
}
