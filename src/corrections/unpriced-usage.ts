/** Charges usage that was counted before its price was published. It keeps its time and is paid like any other usage. */
import { Injectable } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { correctionPeriodOf, hourOf } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { Clock } from '../platform/clock.js';
import { Quota } from '../quota/quota.js';
import { Accounts } from '../accounts/accounts.js';
import { Allowances } from '../credits/allowances.js';
import { Burns } from '../credits/burns.js';
import { Grants } from '../credits/grants.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { PriceBook } from '../prices/price-book.js';
import { Rates } from '../prices/rates.js';
import { sumBatch } from '../metering/batch-sums.js';
import { payBatch } from '../metering/rating.js';
import { UsageSums } from '../metering/usage-sums.js';
import { chargeEvents } from './charged-events.sql.js';
import {
  cursorOf,
  findEntitiesWaiting,
  isAnyWaiting,
  findWaiting,
  type CorrectableEvent,
  type EventCursor,
} from './correctable-events.sql.js';
import { CorrectionBooking } from './correction-booking.js';
import { planCorrections } from './correction-plan.js';
import { resolveWaiting } from './late-rating.js';
import { withRates, type Chargeable } from './repriced.js';

const BATCH_EVENTS_MAX = 1_000;
/** Then it is another entity's turn. */
const BATCHES_IN_A_TURN = 10;

const LATE_REASON = 'its price was published later';

/** An entity, and where its last turn ended. */
type Turn = { readonly entity: EntityName; readonly after: EventCursor | null };

type Charged = { readonly charged: readonly Chargeable[]; readonly last: EventCursor | null };

@Injectable()
export class UnpricedUsage {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly accounts: Accounts,
    private readonly prices: PriceBook,
    private readonly rates: Rates,
    private readonly allowances: Allowances,
    private readonly grants: Grants,
    private readonly burns: Burns,
    private readonly sums: UsageSums,
    private readonly booking: CorrectionBooking,
  ) {}

  /** Whether any usage waits for a price. */
  isAnyWaiting(): Promise<boolean> {
    return isAnyWaiting(this.database.reader);
  }

  /**
   * Charges all that has a price by now, and returns the number of events. It runs after a price is published and on a schedule. Entities
   * take turns, so one with millions of such events delays the others by its turn. Throws a RoundError where one failed.
   */
  async charge(signal?: AbortSignal): Promise<number> {
    const unfinished: Turn[] = [];
    const takeTurn = async (turn: Turn): Promise<number> => {
      const { count, after } = await this.takeTurn(turn);
      if (after !== null) unfinished.push({ entity: turn.entity, after });
      return count;
    };
    return oneByOne(this.turns(unfinished), takeTurn, signal);
  }

  private async *turns(unfinished: Turn[]): AsyncGenerator<Turn> {
    const entities = pagesOf<{ entity: EntityName }>((last) =>
      findEntitiesWaiting(this.database.reader, last?.entity ?? ''),
    );
    for await (const { entity } of entities) yield { entity, after: null };
    for (let turn = unfinished.shift(); turn !== undefined; turn = unfinished.shift()) yield turn;
  }

  private async takeTurn({ entity, after }: Turn): Promise<{ count: number; after: EventCursor | null }> {
    let [count, next] = [0, after];
    for (let batches = 1; batches <= BATCHES_IN_A_TURN; batches += 1) {
      const page: Turn = { entity, after: next };
      const { charged, last }: Charged = await transactionOfOne(this.database, (tx) =>
        this.chargePage(tx, page),
      );
      await this.quota.publish(
        charged.map(({ counted }) => counted.event),
        [],
      );
      count += charged.length;
      next = last;
      if (next === null) break;
    }
    return { count, after: next };
  }

  private async chargePage(tx: Tx, { entity, after }: Turn): Promise<Charged | Restart> {
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    await this.prices.lockShared(tx);
    const found = await findWaiting(tx, { entity, after, limit: BATCH_EVENTS_MAX });
    const charged = await this.rate(tx, found);
    if (charged.length > 0) await this.allowances.grantDue(tx, { entities: [entity], at: bookedAt });
    const isInPlace = ({ counted }: Chargeable) => isChargedInPlace(counted, bookedAt);
    const restart =
      (await this.chargeInPlace(tx, charged.filter(isInPlace), { entity, bookedAt })) ??
      (await this.chargeByCorrection(
        tx,
        charged.filter((each) => !isInPlace(each)),
        { entity, bookedAt },
      ));
    if (restart !== null) return restart;
    const last = found.length < BATCH_EVENTS_MAX ? undefined : found.at(-1);
    return { charged, last: last === undefined ? null : cursorOf(last) };
  }

  private async rate(tx: Tx, found: readonly CorrectableEvent[]): Promise<Chargeable[]> {
    if (found.length === 0) return [];
    const prices = await this.prices.versionsOf(tx, [...new Set(found.map(({ event }) => event.model))]);
    const repriced = found.flatMap((counted) => {
      const resolution = resolveWaiting(counted, prices);
      return resolution === null ? [] : [{ counted, resolution }];
    });
    return withRates(tx, { rates: this.rates, repriced });
  }

  /** The event itself gets the rate and the payment that it lacked. */
  private async chargeInPlace(
    tx: Tx,
    charged: readonly Chargeable[],
    { entity, bookedAt }: Charging,
  ): Promise<Restart | null> {
    if (charged.length === 0) return null;
    const grants = await this.grants.left(tx, [entity]);
    const events = charged.map(({ counted }) => counted);
    const ratings = charged.map(({ rating }) => rating);
    const rated = payBatch(events, { ratings, grants }, bookedAt).map((row, index) => ({
      ...row,
      period: events[index]!.period,
    }));
    const sums = sumBatch(rated);
    await chargeEvents(tx, rated, bookedAt);
    const before = sumBatch(events.map((counted) => ({ ...counted, burns: [] })));
    const restart =
      (await this.sums.move(tx, { from: before, to: sums })) ??
      (await this.burns.add(tx, sums.burns, hourOf(bookedAt)));
    if (restart !== null) return restart;
    await this.accounts.raiseVersions(tx, [entity]);
    return null;
  }

  /**
   * A period that has ended keeps its usage without a price, as its statement says, and what was charged once keeps that charge: the
   * rest is a correction in the open period.
   */
  private async chargeByCorrection(
    tx: Tx,
    charged: readonly Chargeable[],
    { entity, bookedAt }: Charging,
  ): Promise<Restart | null> {
    if (charged.length === 0) return null;
    const grants = await this.grants.of(tx, entity);
    const corrections = planCorrections(charged, { grants, bookedAt });
    const by = { reason: LATE_REASON, actor: 'system' };
    return this.booking.book(tx, corrections, { entity, grants, bookedAt, ...by });
  }
}

type Charging = { readonly entity: string; readonly bookedAt: Date };

function isChargedInPlace({ rateId, isCorrected, period }: CorrectableEvent, bookedAt: Date): boolean {
  return rateId === UNPRICED && !isCorrected && correctionPeriodOf({ period, bookedAt }) === period;
}
