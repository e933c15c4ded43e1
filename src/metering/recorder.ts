/**
 * The transaction that counts usage: dedupe, rating, roll-ups, burns and versions, all or none. README.md has
 * its rules.
 */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import { Allowances } from '../credits/allowances.js';
import { Grants, type GrantLeft } from '../credits/grants.js';
import { assert } from '../domain/errors.js';
import { entityOfReservation, formatSubject, type Subject } from '../domain/ids.js';
import { columnsOf } from '../domain/meter-charges.js';
import { UNPRICED } from '../domain/price.js';
import type { QuotaState } from '../domain/quota-limits.js';
import type { UsageEvent } from '../domain/usage.js';
import { Clock } from '../platform/clock.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { PRICE_BOOK_LOCK, PriceBook } from '../prices/price-book.js';
import { Rates } from '../prices/rates.js';
import { LIMITED_PROJECTS_MAX, statesFromJson } from '../quota/quota-state-rows.js';
import { Quota } from '../quota/quota.js';
import { sumBatch } from './batch-sums.js';
import { eventColumns } from './event-columns.js';
import { lotsOf, sortBatch, type SortedBatch } from './opened-batch.js';
import { payBatch, ratingOf, resolveAll, type NewRatedEvent } from './rating.js';
import type { Rating } from './rated-event.js';
import { batchOf, seriesKeyOf, type BatchedEvent, type UsageBatch } from './usage-batch.js';
import { closeBatch, openBatch, type BatchRows, type OpenedJson } from './usage-batch.sql.js';
import { insertConflicts } from './usage-conflicts.sql.js';

export type RecordResult = {
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  /** Of the new events: from their time to when they were booked. An event may be ahead of Postgres' clock. */
  readonly lagsSeconds: readonly number[];
  /** Events of entities that another transaction has locked. Nothing of them was counted: record them again, on their own. */
  readonly setAside: readonly UsageEvent[];
} & Found;

/** Of the new events. */
type Found = {
  /** With a meter that waits for a price. */
  readonly unpriced: number;
  /** With a field or a tier that nobody can read. */
  readonly unread: number;
};

type Written = {
  readonly sorted: SortedBatch;
  readonly bookedAt: Date;
  readonly found: Found;
  /** Of the entities that have new events, as this transaction leaves them. */
  readonly states: readonly QuotaState[];
};

@Injectable()
export class Recorder {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly accounts: Accounts,
    private readonly prices: PriceBook,
    private readonly rates: Rates,
    private readonly allowances: Allowances,
    private readonly grants: Grants,
  ) {}

  /**
   * Counts each event exactly once and publishes what it changed. If publishing fails, the events are counted all the
   * same and the call throws: a retry inserts nothing and publishes the same states.
   */
  async record(events: readonly UsageEvent[]): Promise<RecordResult> {
    if (events.length === 0) return NOTHING;
    const first = await this.write(events);
    // It is committed: what becomes of the others is nothing to its holds and limits.
    await this.publish(first);
    const { ofUnknown } = first.sorted;
    if (ofUnknown.length === 0) return resultOf([first]);
    const { reader } = this.database.ingest;
    await this.accounts.ensure(reader, subjectsOf(ofUnknown), await this.clock.bookingTime(reader));
    const second = await this.write(ofUnknown);
    await this.publish(second);
    return resultOf([first, second]);
  }

  /**
   * Counts one event in the caller's transaction, which has locked its entity. The caller publishes after the commit. A duplicate was
   * counted before; a conflict is not counted, because an event with its id and other content was.
   */
  async recordWithin(tx: Tx, event: UsageEvent): Promise<'counted' | 'duplicate' | 'conflict' | Restart> {
    const written = await this.writeBatch(tx, batchOf([event]));
    if (written instanceof Restart) return written;
    const { claimed, duplicates, conflicts } = written.sorted;
    assert(claimed.length + duplicates.length + conflicts.length === 1, 'its entity is locked');
    if (claimed.length === 1) return 'counted';
    return duplicates.length === 1 ? 'duplicate' : 'conflict';
  }

  private async write(events: readonly UsageEvent[]): Promise<Written> {
    const batch = batchOf(events);
    return this.database.ingest.transaction((tx) => this.writeBatch(tx, batch));
  }

  private async writeBatch(tx: Tx, batch: UsageBatch): Promise<Written | Restart> {
    const opened = await openBatch(tx, batch, { at: this.clock.databaseNow(), bookLock: PRICE_BOOK_LOCK });
    const bookedAt = new Date(opened.at);
    const sorted = sortBatch(batch, opened);
    const { claimed, conflicts } = sorted;
    if (conflicts.length > 0) await insertConflicts(tx, conflicts, bookedAt);
    if (claimed.length === 0) return { sorted, bookedAt, found: { unpriced: 0, unread: 0 }, states: [] };
    const lots = await this.lotsWithAllowances(tx, { opened, claimed, bookedAt });
    const ratings = await this.rate(tx, claimed, BigInt(opened.book));
    const rated: NewRatedEvent[] = payBatch(claimed, { ratings, grants: lots }, bookedAt);
    const rows = rowsOf(rated, { batch, opened, lots });
    const states = await closeBatch(tx, rows, {
      at: bookedAt,
      defaultPlan: DEFAULT_PLAN,
      limitedMax: LIMITED_PROJECTS_MAX,
    });
    if (states === null) return new Restart('an hour or a period was closed after the batch was opened');
    return { sorted, bookedAt, found: foundIn(rated), states: statesFromJson(states, bookedAt) };
  }

  /** The open grants of the locked entities, after those allowances that are due were granted. */
  private async lotsWithAllowances(
    tx: Tx,
    {
      opened,
      claimed,
      bookedAt: at,
    }: { opened: OpenedJson; claimed: readonly BatchedEvent[]; bookedAt: Date },
  ): Promise<readonly GrantLeft[]> {
    const { due: entities } = opened;
    if (entities.length === 0) return lotsOf(opened);
    const usage = claimed.map(({ event }) => event).filter(({ entity }) => entities.includes(entity));
    await this.allowances.grantDue(tx, { entities, at, usage });
    const others = lotsOf(opened).filter(({ entity }) => !entities.includes(entity));
    return [...others, ...(await this.grants.left(tx, entities))];
  }

  private async rate(tx: Tx, claimed: readonly BatchedEvent[], book: bigint): Promise<Rating[]> {
    const events = claimed.map(({ event }) => event);
    const models = [...new Set(events.map(({ model }) => model))];
    const resolutions = resolveAll(events, await this.prices.versionsAsOf(tx, { models, newestId: book }));
    const priced = resolutions.filter((resolution) => resolution !== null);
    const rateIds = (await this.rates.idsOf(tx, priced)).values();
    return resolutions.map((resolution, index) =>
      ratingOf(events[index]!, resolution, resolution === null ? UNPRICED : rateIds.next().value!),
    );
  }

  /**
   * An entity may have repetitions alone. Another run counted them, and may have died before it published. So the entity's state is
   * loaded and published, and the holds of the events end again, which changes nothing where they have ended.
   */
  private async publish({ states, sorted }: Written): Promise<void> {
    const counted = [
      ...sorted.claimed.map(({ event }) => event),
      ...sorted.duplicates,
      // Its request has run as well: what it held would otherwise stay until it expires.
      ...sorted.conflicts.map(({ event }) => event),
    ];
    const haveStates = new Set<string>(states.map(({ entity }) => entity));
    const [published, repeated] = [true, false].map((hasState) =>
      counted.filter(({ entity }) => haveStates.has(entity) === hasState),
    ) as [UsageEvent[], UsageEvent[]];
    if (states.length > 0) await this.quota.publishStates(states, settledHolds(published));
    if (repeated.length > 0) await this.quota.publish(repeated, settledHolds(repeated));
  }
}

const NOTHING: RecordResult = {
  recorded: 0,
  duplicates: 0,
  conflicts: 0,
  lagsSeconds: [],
  setAside: [],
  unpriced: 0,
  unread: 0,
};

function resultOf(writes: readonly Written[]): RecordResult {
  const sum = (count: (written: Written) => number): number =>
    writes.reduce((total, written) => total + count(written), 0);
  const last = writes.at(-1)!;
  return {
    recorded: sum(({ sorted }) => sorted.claimed.length),
    duplicates: sum(({ sorted }) => sorted.duplicates.length),
    conflicts: sum(({ sorted }) => sorted.conflicts.length),
    lagsSeconds: writes.flatMap(lagsOf),
    // Events of an entity that is still unknown after it was made are recorded again, too.
    setAside: [
      ...writes.flatMap(({ sorted }) => sorted.setAside),
      ...(writes.length > 1 ? last.sorted.ofUnknown : []),
    ],
    unpriced: sum(({ found }) => found.unpriced),
    unread: sum(({ found }) => found.unread),
  };
}

function lagsOf({ sorted, bookedAt }: Written): number[] {
  const bookedMs = bookedAt.getTime();
  return sorted.claimed.map(({ event }) => (bookedMs - event.occurredAt.getTime()) / 1_000);
}

function foundIn(rated: readonly NewRatedEvent[]): Found {
  return {
    unpriced: rated.filter((row) => row.rateId === UNPRICED || row.unpricedMeters.length > 0).length,
    unread: rated.filter((row) => row.event.unread.length > 0 || row.isTierUnread).length,
  };
}

/** Everything that the batch adds to the database. */
function rowsOf(
  rated: readonly NewRatedEvent[],
  { batch, opened, lots }: { batch: UsageBatch; opened: OpenedJson; lots: readonly GrantLeft[] },
): BatchRows {
  const byIdentity = new Map(batch.events.map((each) => [each.identity, each]));
  const entities = new Set<string>(rated.map(({ event }) => event.entity));
  const lotNumbers = new Map(lots.map(({ id, lot }) => [id, lot]));
  const sums = sumBatch(rated);
  return {
    entities: [...entities],
    events: eventColumns(rated, ({ identity }) => {
      const { seriesNo, originNo } = byIdentity.get(identity)!;
      return {
        seriesId: stored(opened.series, seriesNo),
        originId: stored(opened.origins, originNo),
        lots: lotNumbers,
      };
    }),
    hours: sums.hourly.map((sum) => ({
      ...columnsOf(sum.quantities),
      entity: sum.entity,
      ms: sum.hour.getTime(),
      series: stored(opened.series, batch.seriesNumbers.get(seriesKeyOf(sum))!),
      period: sum.period,
      rateId: sum.rateId,
      requests: sum.requests,
      costPicos: sum.costPicos,
      paidBurntPicos: sum.paidBurntPicos,
      promotionalBurntPicos: sum.promotionalBurntPicos,
    })),
    spend: sums.spend,
    burns: sums.burns,
  };
}

function stored(ids: readonly (number | null)[] | null, number: number): number {
  const id = ids?.[number] ?? null;
  assert(id !== null, 'what a locked entity uses is in its dictionaries');
  return id;
}

/** Each subject once. */
function subjectsOf(events: readonly UsageEvent[]): Subject[] {
  return [...new Map(events.map((event) => [formatSubject(event), event])).values()];
}

/** The holds that these events end, or ended earlier. An event ends holds of its own entity only. */
function settledHolds(events: readonly UsageEvent[]): string[] {
  return events.flatMap(({ reservationId, entity }) =>
    reservationId !== null && entityOfReservation(reservationId) === entity ? [reservationId] : [],
  );
}
