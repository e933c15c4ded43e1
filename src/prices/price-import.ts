/**
 * Imports a price map: list prices that differ from those in force are published. The map is read and compared while usage is counted;
 * the book is locked for one statement, at the end.
 */
import { Injectable } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { firstOpenPeriod } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { eventLoopTurns } from '../platform/event-loop-turn.js';
import { Database, Restart, type Tx } from '../platform/database.js';
import { MAP_SOURCE } from './map-source.js';
import { planEntry, type Planned, type PlannedPrice } from './import-plan.js';
import { maximumsOf } from './maximums.js';
import { PriceBook } from './price-book.js';
import { lockPriceBook } from './price-book-lock.js';
import { findSwitchTime } from './price-book.sql.js';
import { readPriceMap, type ModelReading } from './price-map/read-price-map.js';
import { readPriceTerms } from './price-terms.js';
import {
  createStage,
  findNewestId,
  findWaitingForStaged,
  publishStaged,
  stagePrices,
} from './staged-prices.sql.js';

/** Entries that one statement reads or writes. */
const SLICE_ENTRIES = 50;

export type ImportOptions = {
  readonly allowLossy: boolean;
  readonly allowFree: boolean;
  /** Whether prices that somebody set by hand are replaced. */
  readonly overwrite: boolean;
};

export type ImportPlan = {
  readonly planned: readonly Planned[];
  /** Of the book that the map was compared with. */
  readonly newestId: bigint;
};

@Injectable()
export class PriceImport {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly prices: PriceBook,
  ) {}

  async read(chunks: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<ModelReading[]> {
    const readings: ModelReading[] = [];
    for await (const reading of readPriceMap(chunks, options)) readings.push(reading);
    return readings;
  }

  /** Compares the map with the list prices in force. Takes no lock, and no transaction of its own. */
  async plan(readings: readonly ModelReading[], options: ImportOptions): Promise<ImportPlan> {
    const { reader } = this.database;
    const at = await this.clock.bookingTime(reader);
    const newestId = await findNewestId(reader);
    const planned: Planned[] = [];
    const turn = eventLoopTurns();
    for (const slice of slicesOf(readings)) {
      const models = slice.filter(({ reading }) => reading.kind === 'price').map(({ model }) => model);
      const inForce = await this.prices.listPricesInForce(reader, { models, at });
      for (const entry of slice) {
        planned.push(planEntry(entry, inForce.get(entry.model) ?? null, options));
        await turn();
      }
    }
    return { planned, newestId };
  }

  /**
   * Publishes the changes of a plan from now on; first prices reach back. One audit entry names all models. Starts over where the book
   * has changed since it was compared.
   */
  async publish(tx: Tx, { planned, newestId }: ImportPlan, actor: string): Promise<Restart | null> {
    const changes = planned.filter((each) => each.list === 'changes');
    if (changes.length === 0) return null;
    if ((await findNewestId(tx)) !== newestId) return new Restart('the price book changed meanwhile');
    const at = await this.clock.bookingTime(tx);
    await this.stage(tx, changes);
    await findWaitingForStaged(tx, { at, openFrom: firstOpenPeriod(at) });
    await lockPriceBook(tx);
    if ((await findNewestId(tx)) !== newestId) return new Restart('the price book changed meanwhile');
    const from = await findSwitchTime(tx, this.clock.databaseNow());
    const added = await publishStaged(tx, { at: from, openFrom: firstOpenPeriod(from), source: MAP_SOURCE });
    if (added.size < changes.length) {
      throw new TallyError('conflict', `a model already has a price from ${from.toISOString()}`);
    }
    await auditImport(tx, changes, { at: from, actor, added });
    return null;
  }

  private async stage(tx: Tx, changes: readonly PlannedPrice[]): Promise<void> {
    await createStage(tx);
    for (const slice of slicesOf(changes)) {
      await stagePrices(
        tx,
        slice.map(({ model, before, after }) => ({
          model,
          terms: after.terms,
          ...readPriceTerms(after.terms),
          ...maximumsOf(after, before ?? undefined),
        })),
      );
    }
  }
}

/**
 * The versions before and after, by their ids: they never change. It is short, because the book is locked, and it comes last, because the audit
 * log is locked from then on.
 */
async function auditImport(
  tx: Tx,
  changes: readonly PlannedPrice[],
  { at, actor, added }: { at: Date; actor: string; added: ReadonlyMap<string, bigint> },
): Promise<void> {
  await insertAuditEntry(tx, {
    at,
    actor,
    action: 'prices.import',
    entity: null,
    target: `${changes.length} models`,
    before: { prices: byModel(changes, ({ before }) => before?.id) },
    after: { prices: byModel(changes, ({ model }) => added.get(model)) },
  });
}

function byModel(
  changes: readonly PlannedPrice[],
  idOf: (change: PlannedPrice) => bigint | undefined,
): Record<string, string | null> {
  return Object.fromEntries(
    changes.map((change) => [change.model, idOf(change)?.toString() ?? null] as const),
  );
}

function* slicesOf<T>(items: readonly T[]): Generator<readonly T[], void, void> {
  for (let from = 0; from < items.length; from += SLICE_ENTRIES)
    yield items.slice(from, from + SLICE_ENTRIES);
}
