/** Closed periods: one frozen row per entity and period. */
import type { Period } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { bigintOf } from '../platform/decimal-column.js';
import type { ClosedPeriod as Row } from '../platform/prisma/client.js';

export type ClosedPeriod = {
  readonly entity: string;
  readonly period: Period;
  /** Of the statement: `ST-000123`. */
  readonly number: string;
  readonly closedAt: Date;
  /** Credits at the start and at the end: all that belongs to earlier periods, and that with this one. */
  readonly openingPicos: bigint;
  readonly closingPicos: bigint;
  readonly purchasedPicos: bigint;
  readonly promotedPicos: bigint;
  readonly burntPicos: bigint;
  readonly burnReversedPicos: bigint;
  readonly expiredPicos: bigint;
  readonly voidedPicos: bigint;
  readonly refundedPicos: bigint;
  /** What paid debts. */
  readonly repaidPicos: bigint;
  /** What the usage cost, corrections included. */
  readonly costPicos: bigint;
  readonly overagePicos: bigint;
  readonly overageReversedPicos: bigint;
  /** Overage less what corrections gave back of it; below zero if they gave back more. */
  readonly overageDuePicos: bigint;
};

/** Null while the period is open. */
export async function findClosedPeriod(
  tx: Tx,
  { entity, period }: { entity: string; period: Period },
): Promise<ClosedPeriod | null> {
  const row = await tx.closedPeriod.findUnique({ where: { entity_period: { entity, period } } });
  return row === null ? null : toClosedPeriod(row);
}

/** True if the entity has closed the period or a later one. Needs the entity's lock. */
export async function isClosed(
  tx: Tx,
  { entity, period }: { entity: string; period: Period },
): Promise<boolean> {
  const row = await tx.closedPeriod.findFirst({
    where: { entity, period: { gte: period } },
    select: { period: true },
  });
  return row !== null;
}

function toClosedPeriod(row: Row): ClosedPeriod {
  const [overagePicos, overageReversedPicos] = [
    bigintOf(row.overagePicos),
    bigintOf(row.overageReversedPicos),
  ];
  return {
    entity: row.entity,
    period: row.period as Period,
    number: row.number,
    closedAt: row.closedAt,
    openingPicos: bigintOf(row.openingPicos),
    closingPicos: bigintOf(row.closingPicos),
    purchasedPicos: bigintOf(row.purchasedPicos),
    promotedPicos: bigintOf(row.promotedPicos),
    burntPicos: bigintOf(row.burntPicos),
    burnReversedPicos: bigintOf(row.burnReversedPicos),
    expiredPicos: bigintOf(row.expiredPicos),
    voidedPicos: bigintOf(row.voidedPicos),
    refundedPicos: bigintOf(row.refundedPicos),
    repaidPicos: bigintOf(row.repaidPicos),
    costPicos: bigintOf(row.costPicos),
    overagePicos,
    overageReversedPicos,
    overageDuePicos: overagePicos - overageReversedPicos,
  };
}
