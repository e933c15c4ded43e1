/** Writes planned corrections: their rows, and what they change of roll-ups, spend, grants and burns, in one transaction. */
import { hourOf } from '../domain/period.js';
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { Burns } from '../credits/burns.js';
import { Debts } from '../credits/debts.js';
import { Grants, type GrantRow } from '../credits/grants.js';
import type { BurnReversal, BurnSum } from '../domain/burn-order.js';
import { Restart, type Tx } from '../platform/database.js';
import { insertCorrections, setUnpricedMeters, type NewCorrection } from './usage-corrections.sql.js';
import type { RatedEvent } from '../metering/rated-event.js';
import { UsageSums } from '../metering/usage-sums.js';
import { sumBatch, type BatchSums } from '../metering/batch-sums.js';
import type { Correction } from './correction-plan.js';

export type Booking = {
  readonly entity: string;
  /** All grants of the entity, as they were when the corrections were planned. */
  readonly grants: readonly GrantRow[];
  readonly bookedAt: Date;
  readonly reason: string;
  readonly actor: string;
};

@Injectable()
export class CorrectionBooking {
  constructor(
    private readonly accounts: Accounts,
    private readonly grants: Grants,
    private readonly burns: Burns,
    private readonly debts: Debts,
    private readonly sums: UsageSums,
  ) {}

  /** Needs the entity's lock, and raises its version. What the events' rows say of their cost stays as it is. */
  async book(
    tx: Tx,
    corrections: readonly Correction[],
    { entity, grants, ...by }: Booking,
  ): Promise<Restart | null> {
    if (corrections.length === 0) return null;
    const bookedHour = hourOf(by.bookedAt);
    // This transaction began before the event was booked: an hour is never corrected by an earlier one.
    if (movementsOf(corrections).some((movement) => movement.bookedHour > bookedHour)) {
      return new Restart('the event was booked in a later hour');
    }
    await insertCorrections(tx, corrections.map(toRow), by);
    const waiting = corrections.filter(isOtherWaiting).map(toWaiting);
    if (waiting.length > 0) await setUnpricedMeters(tx, waiting);
    const returned = sumReversals(corrections);
    const restart =
      (await this.sums.move(tx, changeOf(corrections))) ??
      (await this.burns.giveBack(tx, returned, bookedHour)) ??
      (await this.burns.add(tx, sumBurns(corrections), bookedHour));
    if (restart !== null) return restart;
    await this.debts.settle(tx, { entities: [entity], bookedAt: by.bookedAt });
    for (const { id: grantId, voidedAt } of grants) {
      if (voidedAt !== null && returned.some((reversal) => reversal.grantId === grantId)) {
        const { reason: reference, bookedAt } = by;
        await this.grants.writeOff(tx, { entity, grantId, as: 'void', reference, bookedAt });
      }
    }
    await this.accounts.raiseVersions(tx, [entity]);
    return null;
  }
}

/** What the events add to the sums before and after, both in the period that the correction is booked in. */
function changeOf(corrections: readonly Correction[]): { from: BatchSums; to: BatchSums } {
  return {
    from: sumBatch(
      corrections.map(({ counted, period, oldBurns }): RatedEvent => ({
        ...counted,
        period,
        burns: oldBurns,
      })),
    ),
    to: sumBatch(
      corrections.flatMap(({ counted, period, rating, newBurns }): RatedEvent[] =>
        rating === null ? [] : [{ ...counted, ...rating, period, burns: newBurns }],
      ),
    ),
  };
}

function isOtherWaiting({ counted, rating }: Correction): boolean {
  const left = rating?.unpricedMeters ?? [];
  return counted.isWaiting !== left.length > 0 || counted.unpricedMeters.join() !== left.join();
}

function toWaiting({ counted, rating }: Correction) {
  const { event, identity } = counted;
  return {
    entity: event.entity,
    occurredAt: event.occurredAt,
    identity,
    unpricedMeters: rating?.unpricedMeters ?? [],
  };
}

function toRow({ counted, rating, ...correction }: Correction): NewCorrection {
  const { event, identity, period: correctedPeriod, rateId, costPicos } = counted;
  return {
    kind: rating === null ? 'void' : 'rerate',
    identity,
    occurredAt: event.occurredAt,
    entity: event.entity,
    project: event.project,
    model: event.model,
    period: correction.period,
    correctedPeriod,
    quantities: event.quantities,
    oldRateId: rateId,
    newRateId: rating?.rateId ?? null,
    oldCostPicos: costPicos,
    newCostPicos: rating?.costPicos ?? 0n,
    oldBurns: correction.oldBurns,
    newBurns: correction.newBurns,
    movements: correction.movements,
  };
}

function movementsOf(corrections: readonly Correction[]) {
  return corrections.flatMap(({ counted, period: bookedPeriod, movements }) =>
    movements.map((movement) => ({ ...movement, entity: counted.event.entity, bookedPeriod })),
  );
}

function sumReversals(corrections: readonly Correction[]): BurnReversal[] {
  const sums = new Map<string, BurnReversal>();
  for (const { entity, grantId, bookedHour, period, bookedPeriod, amountPicos } of movementsOf(corrections)) {
    if (amountPicos > 0n) continue;
    const key = [bookedPeriod, grantId ?? '', bookedHour.toISOString(), period].join('\n');
    const corrected = { correctedHour: bookedHour, correctedPeriod: period };
    const sum = sums.get(key) ?? { entity, period: bookedPeriod, grantId, ...corrected, amountPicos: 0n };
    sum.amountPicos -= amountPicos;
    sums.set(key, sum);
  }
  return [...sums.values()];
}

function sumBurns(corrections: readonly Correction[]): BurnSum[] {
  const sums = new Map<string, BurnSum>();
  for (const { entity, grantId, bookedPeriod: period, amountPicos } of movementsOf(corrections)) {
    if (amountPicos < 0n) continue;
    const key = [period, grantId ?? ''].join('\n');
    const sum = sums.get(key) ?? { entity, period, grantId, amountPicos: 0n };
    sum.amountPicos += amountPicos;
    sums.set(key, sum);
  }
  return [...sums.values()];
}
