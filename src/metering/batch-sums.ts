/** What rated events add to each sum. Pure: `closeBatch` writes it for new events, `UsageSums` for corrected ones. */
import type { BurnSum } from '../domain/burn-order.js';
import type { Meter, Quantities, QuantitySums } from '../domain/meters.js';
import { hourMsOf } from '../domain/period.js';
import type { RatedEvent } from './rated-event.js';

/** What the roll-up of an hour gains, for each project, model, operation, tier, period and rate. */
export type HourlySum = {
  readonly entity: string;
  readonly hour: Date;
  readonly project: string;
  readonly model: string;
  readonly operation: string;
  readonly serviceTier: string;
  readonly period: string;
  readonly rateId: bigint;
  requests: number;
  quantities: QuantitySums;
  costPicos: bigint;
  /** The parts of the cost that bought and that promotional credits paid; the rest is overage. */
  paidBurntPicos: bigint;
  promotionalBurntPicos: bigint;
};

/** What the spend of a project, and with it of its entity, gains in a period. */
export type ProjectSum = {
  readonly entity: string;
  readonly period: string;
  readonly project: string;
  costPicos: bigint;
  burntPicos: bigint;
};

export type BatchSums = {
  readonly hourly: readonly HourlySum[];
  readonly spend: readonly ProjectSum[];
  readonly burns: readonly BurnSum[];
};

export function sumBatch(rows: readonly RatedEvent[]): BatchSums {
  const hourly = new Map<string, HourlySum>();
  const spend = new Map<string, ProjectSum>();
  const burns = new Map<string, BurnSum>();
  for (const row of rows) {
    addHourly(hourly, row);
    addSpend(spend, row);
    addBurns(burns, row);
  }
  return { hourly: [...hourly.values()], spend: [...spend.values()], burns: [...burns.values()] };
}

function addHourly(
  sums: Map<string, HourlySum>,
  { event, period, rateId, costPicos, burns }: RatedEvent,
): void {
  const { entity, project, model, operation, serviceTier, quantities } = event;
  const hourMs = hourMsOf(event.occurredAt);
  // No part of a key contains a line feed.
  const key = `${entity}\n${project}\n${model}\n${operation}\n${serviceTier}\n${hourMs}\n${period}\n${rateId}`;
  const sum = at(sums, key, () => ({
    entity,
    hour: new Date(hourMs),
    project,
    model,
    operation,
    serviceTier,
    period,
    rateId,
    requests: 0,
    quantities: {},
    costPicos: 0n,
    paidBurntPicos: 0n,
    promotionalBurntPicos: 0n,
  }));
  sum.requests += 1;
  addQuantities(sum.quantities, quantities);
  sum.costPicos += costPicos;
  for (const { category, amountPicos } of burns) {
    if (category === 'paid') sum.paidBurntPicos += amountPicos;
    else sum.promotionalBurntPicos += amountPicos;
  }
}

function addQuantities(sums: { [M in Meter]?: bigint }, quantities: Quantities): void {
  for (const meter of Object.keys(quantities) as Meter[]) {
    sums[meter] = (sums[meter] ?? 0n) + BigInt(quantities[meter]!);
  }
}

function addSpend(sums: Map<string, ProjectSum>, { event, period, costPicos, burns }: RatedEvent): void {
  const { entity, project } = event;
  const sum = at(sums, `${entity}\n${period}\n${project}`, () => ({
    entity,
    period,
    project,
    costPicos: 0n,
    burntPicos: 0n,
  }));
  const burntPicos = burns.reduce((total, burn) => total + burn.amountPicos, 0n);
  sum.costPicos += costPicos;
  sum.burntPicos += burntPicos;
}

function addBurns(
  sums: Map<string, BurnSum>,
  { event: { entity }, period, costPicos, burns }: RatedEvent,
): void {
  let overagePicos = costPicos;
  const add = (grantId: string | null, amountPicos: bigint): void => {
    at(sums, `${entity}\n${period}\n${grantId ?? ''}`, () => ({
      entity,
      period,
      grantId,
      amountPicos: 0n,
    })).amountPicos += amountPicos;
  };
  for (const burn of burns) {
    add(burn.grantId, burn.amountPicos);
    overagePicos -= burn.amountPicos;
  }
  if (overagePicos > 0n) add(null, overagePicos);
}

function at<T>(sums: Map<string, T>, key: string, empty: () => T): T {
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = empty()));
  return sum;
}

/** The same sums with the opposite sign: what events that move elsewhere leave behind. */
export function negated({ hourly, spend }: Pick<BatchSums, 'hourly' | 'spend'>): Omit<BatchSums, 'burns'> {
  return { hourly: hourly.map(negatedHour), spend: spend.map(negatedSpend) };
}

function negatedHour(sum: HourlySum): HourlySum {
  return {
    ...sum,
    requests: -sum.requests,
    quantities: negatedQuantities(sum.quantities),
    costPicos: -sum.costPicos,
    paidBurntPicos: -sum.paidBurntPicos,
    promotionalBurntPicos: -sum.promotionalBurntPicos,
  };
}

function negatedQuantities(sums: QuantitySums): QuantitySums {
  return Object.fromEntries(Object.entries(sums).map(([meter, sum]) => [meter, -sum]));
}

function negatedSpend(sum: ProjectSum): ProjectSum {
  return {
    ...sum,
    costPicos: -sum.costPicos,
    burntPicos: -sum.burntPicos,
  };
}
