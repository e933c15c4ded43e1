/** Where a hold's price comes from. The price book implements it; quota lies below it and knows this much only. */
import type { EntityName } from '../domain/ids.js';
import type { Price } from '../domain/price.js';

/** Who uses a model, and when. */
export type PriceUse = { readonly model: string; readonly entity: EntityName; readonly at: Date };

export abstract class PriceSource {
  /** The same without waiting; undefined where only `priceFor` can tell. */
  priceAtHand(_use: PriceUse): Price | null | undefined {
    return undefined;
  }

  /** The price version in force, or null for a model that has none. */
  abstract priceFor(use: PriceUse): Promise<Price | null>;
}
