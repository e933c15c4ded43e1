/**
 * The transaction that counts usage: dedupe, rating, roll-ups, burns and versions, all or none. README.md has
 * its rules.
 */
import { Injectable } from '@nestjs/common';
import { entityOfReservation, formatSubject, type Subject } from '../domain/ids.js';
import { hourOf } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import type { Rating } from './rated-event.js';
import type { UsageEvent } from '../domain/usage.js';
import { Clock } from '../platform/clock.js';
import { Quota } from '../quota/quota.js';
import { Accounts } from '../accounts/accounts.js';
import { Allowances } from '../credits/allowances.js';
import { Burns } from '../credits/burns.js';
import { Grants } from '../credits/grants.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { PriceBook, type PriceRow } from '../prices/price-book.js';
import { Rates } from '../prices/rates.js';
import { insertConflicts, type Conflict } from './usage-conflicts.sql.js';
import { insertEvents } from './usage-events.sql.js';
import { dedupe, identify, type Identified } from './dedupe.js';
import { UsageSums } from './usage-sums.js';
import { sumBatch } from './batch-sums.js';
import { payBatch, ratingOf, resolveAll, type Claimed, type NewRatedEvent } from './rating.js';

export type RecordResult = {
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  /** Events of entities that another transaction holds: nothing of them is claimed or counted. */
  readonly setAside: readonly UsageEvent[];
} & Found;

/** Of the new events. */
type Found = {
  /** With a meter that waits for a price. */
  readonly unpriced: number;
  /** With a field or a tier that nobody can read. */
  readonly unread: number;
};

const NOTHING_FOUND: Found = { unpriced: 0, unread: 0 };

/** Subjects that a process remembers before it starts over. */
const ACCOUNTS_KNOWN_MAX = 100_000;

type Written = {
  readonly result: RecordResult;
  readonly claimed: readonly Claimed[];
  readonly conflicts: readonly Conflict[];
};

@Injectable()
export class Recorder {
  /** Subjects that a committed batch has found or created. Accounts are never deleted. */
  private readonly known = new Set<string>();

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
  ) {
    // A database that was restored from a backup may lack them.
    database.onReturn(() => this.known.clear());
  }

  /**
   * Counts each event exactly once and publishes what it changed. If publishing fails, the events are counted all the
   * same and the call throws: a retry inserts nothing and publishes the same states.
   */
  async record(events: readonly UsageEvent[]): Promise<RecordResult> {
    if (events.length === 0)
      return { recorded: 0, duplicates: 0, conflicts: 0, setAside: [], ...NOTHING_FOUND };
    const identified = events.map(identify);
    const written = await this.database.ingest.transaction((tx) => this.write(tx, identified));
    const { result, claimed, conflicts } = written;
    this.remember(claimed);
    const contradicting = new Set(conflicts.map(({ event }) => event));
    const counted = events.filter((event) => !contradicting.has(event));
    await this.quota.publish(events, settledHolds(counted));
    return result;
  }

  private async write(tx: Tx, identified: readonly Identified[]): Promise<Written | Restart> {
    const bookedAt = await this.clock.bookingTime(tx);
    const { claimed, conflicts, duplicates } = await dedupe(tx, identified, bookedAt);
    if (conflicts.length > 0) await insertConflicts(tx, conflicts, bookedAt);
    const found = claimed.length > 0 ? await this.count(tx, claimed, bookedAt) : NOTHING_FOUND;
    if (found instanceof Restart) return found;
    return {
      result: { recorded: claimed.length, duplicates, conflicts: conflicts.length, setAside: [], ...found },
      claimed,
      conflicts,
    };
  }

  /** Returns how many of the new events wait for a price, and how many have something that nobody can read. */
  private async count(tx: Tx, claimed: readonly Claimed[], bookedAt: Date): Promise<Found | Restart> {
    const entities = [...new Set(claimed.map(({ event }) => event.entity as string))];
    const unknown = claimed.filter(({ event }) => !this.known.has(formatSubject(event)));
    if (unknown.length > 0) await this.accounts.ensure(tx, subjectsOf(unknown), bookedAt);
    await this.accounts.lock(tx, entities);
    await this.prices.lockShared(tx);
    const usage = claimed.map(({ event }) => event);
    await this.allowances.grantDue(tx, { entities, at: bookedAt, usage });
    const prices = await this.prices.versionsOf(tx, [...new Set(claimed.map(({ event }) => event.model))]);
    const grants = await this.grants.left(tx, entities);
    const ratings = await this.rate(tx, claimed, prices);
    const rated: NewRatedEvent[] = payBatch(claimed, { ratings, grants }, bookedAt);
    const sums = sumBatch(rated);
    await insertEvents(tx, rated, bookedAt);
    const restart =
      (await this.sums.add(tx, sums)) ?? (await this.burns.add(tx, sums.burns, hourOf(bookedAt)));
    if (restart !== null) return restart;
    await this.accounts.raiseVersions(tx, entities);
    return {
      unpriced: rated.filter((row) => row.rateId === UNPRICED || row.unpricedMeters.length > 0).length,
      unread: rated.filter((row) => row.event.unread.length > 0 || row.isTierUnread).length,
    };
  }

  private async rate(tx: Tx, claimed: readonly Claimed[], prices: readonly PriceRow[]): Promise<Rating[]> {
    const events = claimed.map(({ event }) => event);
    const resolutions = resolveAll(events, prices);
    const priced = resolutions.filter((resolution) => resolution !== null);
    const rateIds = (await this.rates.idsOf(tx, priced)).values();
    return resolutions.map((resolution, index) =>
      ratingOf(events[index]!, resolution, resolution === null ? UNPRICED : rateIds.next().value!),
    );
  }

  private remember(claimed: readonly Claimed[]): void {
    if (this.known.size > ACCOUNTS_KNOWN_MAX) this.known.clear();
    for (const { event } of claimed) this.known.add(formatSubject(event));
  }
}

/** Each subject once. */
function subjectsOf(claimed: readonly Claimed[]): Subject[] {
  return [...new Map(claimed.map(({ event }) => [formatSubject(event), event])).values()];
}

/** The holds that these events end, or ended earlier. An event ends holds of its own entity only. */
function settledHolds(events: readonly UsageEvent[]): string[] {
  return events.flatMap(({ reservationId, entity }) =>
    reservationId !== null && entityOfReservation(reservationId) === entity ? [reservationId] : [],
  );
}
