/** How far a version reaches back that says no time of its own: usage that waited for it is charged, as far as its period is open. */
import { chargeableMeters, type PriceTerms } from '../domain/price.js';
import { firstOpenPeriod } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import type { PriceRow } from './price-row.js';
import { countWaiting, findOldestWaiting } from './waiting-usage.sql.js';

type Scope = Pick<PriceRow, 'model' | 'entity'>;

/** From when a version is in force and charges, and the oldest usage that waits for it. */
export type Reach = Pick<PriceRow, 'effectiveFrom' | 'firstForMetersFrom'> & {
  readonly isPriced: boolean;
  readonly oldest: Date | null;
};

/**
 * The first price of a model is in force from its oldest waiting usage on. Of a model that has a price, a version is in force from now
 * on, and also charges what waits for a meter that the price in force at its time lacks. `versions` are those of the model. It is exact under the
 * lock of the price book; what was found before the lock (`seen`) leaves little to look for under it.
 */
export async function reachBack(
  tx: Tx,
  { model, entity, ...terms }: Scope & PriceTerms,
  { versions, at, seen }: { versions: readonly PriceRow[]; at: Date; seen: Reach | null },
): Promise<Reach> {
  const applying = versions.filter((version) => version.entity === null || version.entity === entity);
  const isPriced = applying.some(({ effectiveFrom }) => effectiveFrom <= at);
  const known = seen?.isPriced === isPriced ? seen.oldest : null;
  const older = await findOldestWaiting(tx, {
    model,
    entity,
    isPriced,
    meters: chargeableMeters(terms),
    openFrom: firstOpenPeriod(at),
    before: known ?? at,
  });
  const oldest = older ?? known;
  return isPriced
    ? { effectiveFrom: at, firstForMetersFrom: oldest, isPriced, oldest }
    : { effectiveFrom: oldest ?? at, firstForMetersFrom: null, isPriced, oldest };
}

/**
 * How many events a version charges that waited for a price, and how many of its model still wait. `others` are the model's other
 * versions.
 */
export async function countCharged(
  tx: Tx,
  version: Scope & PriceTerms & Pick<Reach, 'effectiveFrom' | 'firstForMetersFrom'>,
  others: readonly PriceRow[],
): Promise<{ charged: number; waiting: number }> {
  const { model, entity, effectiveFrom, firstForMetersFrom } = version;
  const later = others.filter((other) => other.entity === entity && other.effectiveFrom > effectiveFrom);
  const until = later.reduce<Date | null>(
    (first, { effectiveFrom: next }) => (first === null || next < first ? next : first),
    null,
  );
  const meters = chargeableMeters(version);
  return countWaiting(tx, { model, entity, meters, from: effectiveFrom, until, firstForMetersFrom });
}
