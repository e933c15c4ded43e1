/** Adds usage of several rates up, meter by meter. Pure. */
import { chargesByMeter } from '../domain/meter-charges.js';
import { METERS, type Meter, type QuantitySums } from '../domain/meters.js';
import type { UnitPrices } from '../domain/price.js';

export type MeterSum = {
  readonly meter: Meter;
  readonly quantity: bigint;
  readonly costPicos: bigint;
  /** The part of the quantity that has no price yet. */
  readonly unpriced: bigint;
};

/** In the order of bills. The costs add up to those of the rows. */
export function sumByMeter(
  rows: readonly {
    readonly requests: bigint;
    readonly quantities: QuantitySums;
    readonly unitPrices: UnitPrices | null;
    readonly costPicos: bigint;
  }[],
): MeterSum[] {
  const sums = new Map<Meter, MeterSum>();
  for (const row of rows) {
    for (const { meter, quantity, unitPicos, costPicos } of chargesByMeter(row)) {
      const before = sums.get(meter) ?? { meter, quantity: 0n, costPicos: 0n, unpriced: 0n };
      sums.set(meter, {
        meter,
        quantity: before.quantity + quantity,
        costPicos: before.costPicos + costPicos,
        unpriced: before.unpriced + (unitPicos === null ? quantity : 0n),
      });
    }
  }
  return METERS.flatMap((meter) => sums.get(meter) ?? []);
}
