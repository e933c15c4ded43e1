/** Counted events that are to be charged by another rate, or by their first. */
import { ratingOf, type Resolution } from '../metering/rating.js';
import type { Rating } from '../metering/rated-event.js';
import type { Tx } from '../platform/database.js';
import type { Rates } from '../prices/rates.js';
import type { CorrectableEvent } from './correctable-events.sql.js';

export type Repriced = { readonly counted: CorrectableEvent; readonly resolution: NonNullable<Resolution> };

export type Chargeable = { readonly counted: CorrectableEvent; readonly rating: Rating };

/** In their order. Adds the rates that are missing in the caller's transaction. */
export async function withRates(
  tx: Tx,
  { rates, repriced }: { rates: Rates; repriced: readonly Repriced[] },
): Promise<Chargeable[]> {
  const rateIds = await rates.idsOf(
    tx,
    repriced.map(({ resolution }) => resolution),
  );
  return repriced.map(({ counted, resolution }, index) => ({
    counted,
    rating: ratingOf(counted.event, resolution, rateIds[index]!),
  }));
}
