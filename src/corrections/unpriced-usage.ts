/** Charges usage that was counted before its price was published. It keeps its time and is paid like any other usage. */
import { Injectable } from '@nestjs/common';
import { assert } from '../domain/errors.js';
import { correctionPeriodOf, hourOf, type Period } from '../domain/period.js';
import { priceInForce, UNPRICED, type Price } from '../domain/price.js';
import { Clock } from '../platform/clock.js';
import { Quota } from '../quota/quota.js';
import { Accounts } from '../accounts/accounts.js';
import { Allowances } from '../credits/allowances.js';
import { Burns } from '../credits/burns.js';
import { Grants } from '../credits/grants.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { PriceBook } from '../prices/price-book.js';
import {
  chargeEvents,
  findChargeable,
  findEntitiesToCharge,
  type UnpricedEvent,
} from './unpriced-events.sql.js';
import type { RatedEvent } from '../metering/rated-event.js';
import { UsageSums } from '../metering/usage-sums.js';
import { sumBatch } from '../metering/batch-sums.js';
import { CorrectionBooking } from './correction-booking.js';
import { planCorrections } from './correction-plan.js';
import { rateBatch } from '../metering/rating.js';

const BATCH_EVENTS_MAX = 1_000;

const LATE_REASON = 'its price was published after its period had ended';

@Injectable()
export class UnpricedUsage {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly accounts: Accounts,
    private readonly prices: PriceBook,
    private readonly allowances: Allowances,
    private readonly grants: Grants,
    private readonly burns: Burns,
    private readonly sums: UsageSums,
    private readonly booking: CorrectionBooking,
  ) {}

  /** Charges all that has a price by now, and returns the number of events. It runs after a price is published and on a schedule. */
  async charge(): Promise<number> {
    let charged = 0;
    for (const entity of await findEntitiesToCharge(this.database.reader)) {
      for (let more = true; more;) {
        const rated = await this.database.transaction((tx) => this.chargeBatch(tx, entity));
        await this.quota.publish(
          rated.map(({ event }) => event),
          [],
        );
        charged += rated.length;
        more = rated.length > 0;
      }
    }
    return charged;
  }

  private async chargeBatch(tx: Tx, entity: string): Promise<readonly RatedEvent[] | Restart> {
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    await this.prices.lockShared(tx);
    const found = await findChargeable(tx, { entity, limit: BATCH_EVENTS_MAX });
    if (found.length === 0) return [];
    await this.allowances.grantDue(tx, { entities: [entity], at: bookedAt });
    const prices = await this.prices.versionsOf(tx, [...new Set(found.map(({ event }) => event.model))]);
    const isPriced = ({ event }: UnpricedEvent) =>
      priceInForce(prices, { model: event.model, entity: event.entity, at: event.occurredAt }) !== null;
    assert(found.every(isPriced), 'the search and the price book agree on what has a price');
    const late = found.filter(({ period }) => correctionPeriodOf({ period, bookedAt }) !== period);
    return late.length > 0
      ? this.chargeLate(tx, late, { entity, prices, bookedAt })
      : this.chargeInPlace(tx, found, { entity, prices, bookedAt });
  }

  /** While its period is open the event itself gets the price and the payment that it lacked. */
  private async chargeInPlace(
    tx: Tx,
    unpriced: readonly UnpricedEvent[],
    { entity, prices, bookedAt }: Charging,
  ): Promise<readonly RatedEvent[] | Restart> {
    const grants = await this.grants.left(tx, [entity]);
    const rated = rateBatch(unpriced, { prices, grants }, bookedAt).map((row, index) => ({
      ...row,
      period: unpriced[index]!.period,
    }));
    const charged = sumBatch(rated);
    await chargeEvents(tx, rated, bookedAt);
    const restart =
      (await this.sums.move(tx, { from: sumBatch(unpriced.map(asUnpriced)), to: charged })) ??
      (await this.burns.add(tx, charged.burns, hourOf(bookedAt)));
    if (restart !== null) return restart;
    await this.accounts.raiseVersions(tx, [entity]);
    return rated;
  }

  /** A period that has ended keeps its usage without a price, as its statement says; the charge is a correction in the open one. */
  private async chargeLate(
    tx: Tx,
    unpriced: readonly UnpricedEvent[],
    { entity, prices, bookedAt }: Charging,
  ): Promise<readonly RatedEvent[] | Restart> {
    const rated = rateBatch(unpriced, { prices, grants: [] }, bookedAt);
    const targets = rated.map(({ priceId, costPicos }, index) => ({
      counted: { ...asUnpriced(unpriced[index]!), isVoided: false, movements: [] },
      rating: { priceId, costPicos },
    }));
    const grants = await this.grants.of(tx, entity);
    const corrections = planCorrections(targets, { grants, bookedAt });
    const restart = await this.booking.book(tx, corrections, {
      entity,
      grants,
      bookedAt,
      reason: LATE_REASON,
      actor: 'system',
    });
    return restart ?? rated;
  }
}

type Charging = { readonly entity: string; readonly prices: readonly Price[]; readonly bookedAt: Date };

function asUnpriced(row: UnpricedEvent): RatedEvent & { period: Period } {
  return { ...row, priceId: UNPRICED, costPicos: 0n, burns: [] };
}
