/** The price book: price versions, of which one is in force at a time. They are added and never changed. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Changes } from '../access/changes.js';
import { assert } from '../domain/errors.js';
import { priceInForce, type Price, type PriceUse } from '../domain/price.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Deadlines } from '../platform/deadline.js';
import { RecentOutage } from '../platform/outage.js';
import { lockPriceBookShared } from './price-book.sql.js';
import { priceRowOf, type PriceRow, type StoredPrice } from './price-row.js';
import {
  findListPriceIds,
  findVersionIds,
  findVersions,
  findVersionsAfter,
  listVersions,
  type VersionFilter,
} from './price-versions.sql.js';
import { publishVersion, type PriceOrder, type Published } from './publication.js';
import { VersionsAtHand } from './versions-at-hand.js';
import { hasUsed, listWaitingUsage, type WaitingUsage } from './waiting-usage.sql.js';

export { PRICE_BOOK_LOCK } from './price-book.sql.js';
export type { PriceRow } from './price-row.js';
export type { PriceOrder, Published } from './publication.js';

/** How far an estimate may be behind the book. Rating never is: it reads the book in its own transaction. */
const CACHE_MS_MAX = 5_000;

/** A book of this age still serves while the next one is fetched, so that nobody waits for it. */
const CACHE_MS_AHEAD = 3_000;

/** How long a model that the book does not have stays unknown: its first price may have been published by another process. */
const UNKNOWN_MS_MAX = 250;

/** How long an estimate waits for a newer book when it has an older one. */
const REFRESH_MS_MAX = 250;

/** Versions that are read at once, so that no decision waits for a large book. */
const LOAD_VERSIONS_MAX = 100;

/** Versions that a process remembers before it starts over. */
const VERSIONS_KNOWN_MAX = 200_000;

/** What estimates read. */
type Book = { readonly byModel: Map<string, Price[]>; newestId: bigint };

@Injectable()
export class PriceBook implements OnModuleInit {
  private readonly deadlines = new Deadlines();
  /** Versions that were read before. They never change, so that each is parsed once. */
  private readonly known = new Map<bigint, PriceRow>();
  private book: Book = emptyBook();
  private readonly atHand = new VersionsAtHand();
  /** Whether the next load reads the book from its start: the first one, and one of a database that may have been replaced. */
  private startsOver = true;
  private loadedAtMs = -Infinity;
  private loading: Promise<void> | null = null;
  /** Seen where an estimate waited in vain for a newer book. */
  private readonly outage: RecentOutage;
  /** When the book was loaded for which the next one was fetched ahead: once for each book, successful or not. */
  private aheadOfMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly changes: Changes,
  ) {
    this.outage = new RecentOutage(clock, CACHE_MS_MAX);
    database.onReturn(() => {
      this.known.clear();
      this.atHand.clear();
      this.startsOver = true;
      this.invalidate();
    });
  }

  /** An admin who publishes a price sees it in the next estimate of this process. */
  onModuleInit(): void {
    this.changes.onCommit(async (concerned) => {
      if (concerned.some((each) => 'prices' in each)) this.invalidate();
    });
  }

  /**
   * The version in force, for an estimate: at most five seconds behind the book, and a quarter of a second for a model without one.
   * While Postgres is unavailable or slow, the last book that was read serves; without one, the error of reading it is thrown.
   */
  async priceFor(use: PriceUse): Promise<Price | null> {
    const price = this.priceAtHand(use);
    if (price !== undefined) return price;
    await this.refreshOrKeep();
    return this.priceIn(this.book, use);
  }

  /** The same without waiting; undefined where only `priceFor` can tell. */
  priceAtHand(use: PriceUse): Price | null | undefined {
    const ageMs = this.clock.now().getTime() - this.loadedAtMs;
    if (ageMs < 0 || ageMs > CACHE_MS_MAX) return undefined;
    if (ageMs > CACHE_MS_AHEAD && this.aheadOfMs !== this.loadedAtMs) {
      this.aheadOfMs = this.loadedAtMs;
      void this.refresh().catch(() => {});
    }
    const price = this.priceIn(this.book, use);
    return price === null && ageMs > UNKNOWN_MS_MAX ? undefined : price;
  }

  private priceIn({ byModel }: Book, use: PriceUse): Price | null {
    return priceInForce(byModel.get(use.model) ?? [], use);
  }

  /**
   * Keeps the book as it is until the transaction ends: no price is published while usage is rated. Take this lock after the
   * entities' locks, and read the versions after it: a statement that waits for a lock sees the book as it was before the wait.
   */
  async lockShared(tx: Tx): Promise<void> {
    await lockPriceBookShared(tx);
  }

  /** All versions of the models, by model and then newest first: read in the transaction, not from the cache. */
  async versionsOf(tx: Tx, models: readonly string[]): Promise<PriceRow[]> {
    return this.versionsWith(tx, await findVersionIds(tx, models));
  }

  /**
   * The same from memory, if the book has not changed: `newestId` is that of its newest version, read in this transaction under the
   * book's lock.
   */
  async versionsAsOf(tx: Tx, of: { models: readonly string[]; newestId: bigint }): Promise<PriceRow[]> {
    return this.atHand.asOf(of, (missing) => this.versionsOf(tx, missing));
  }

  /** By model, of those that have one. */
  async listPricesInForce(
    tx: Tx,
    of: { models: readonly string[]; at: Date },
  ): Promise<Map<string, PriceRow>> {
    const versions = await this.versionsWith(tx, await findListPriceIds(tx, of));
    return new Map(versions.map((version) => [version.model, version]));
  }

  /**
   * In the same order, for one model or for all; for an entity, the list prices and its own. A page, or all. Throws where `after` is no
   * version of them.
   */
  async list({
    after = null,
    limit = null,
    source = null,
    at = null,
    order = 'asc',
    ...filter
  }: ListFilter): Promise<PriceRow[]> {
    const { model, entity } = filter;
    await cursorRow(after, async (id) => {
      const row = await this.find(id);
      const isAsked =
        (model ?? row?.model) === row?.model &&
        (source ?? row?.source) === row?.source &&
        (entity ?? row?.entity) === (row?.entity ?? entity);
      return isAsked ? row : null;
    });
    return this.rowsOf(
      await listVersions(this.database.reader, { order, after, limit, source, at, ...filter }),
    );
  }

  /** A version, or null. */
  async find(id: bigint): Promise<PriceRow | null> {
    return this.rowsOf(await findVersions(this.database.reader, [id]))[0] ?? null;
  }

  /** What waits for a price, by model and entity: a page. Throws where `after` is not asked for, or was never used. */
  async listUnpriced(of: Parameters<typeof listWaitingUsage>[1]): Promise<WaitingUsage[]> {
    const { reader } = this.database;
    await cursorRow(of.after, async (after) => {
      const isAsked =
        (of.model ?? after.model) === after.model && (of.entity ?? after.entity) === after.entity;
      return isAsked && (await hasUsed(reader, after)) ? after : null;
    });
    return listWaitingUsage(reader, of);
  }

  /** Adds a version in the caller's transaction. */
  async publish(tx: Tx, order: PriceOrder): Promise<Published> {
    return publishVersion(tx, order, {
      now: () => this.clock.databaseNow(),
      versionsOf: (model) => this.versionsOf(tx, [model]),
    });
  }

  /** In the order of `ids`. */
  private async versionsWith(tx: Tx, ids: readonly bigint[]): Promise<PriceRow[]> {
    const unknown = ids.filter((id) => !this.known.has(id));
    const read = unknown.length === 0 ? [] : this.rowsOf(await findVersions(tx, unknown));
    const byId = new Map(read.map((row) => [row.id, row]));
    return ids.map((id) => {
      const row = byId.get(id) ?? this.known.get(id);
      assert(row !== undefined, 'a version that was found a moment ago exists');
      return row;
    });
  }

  private rowsOf(stored: readonly StoredPrice[]): PriceRow[] {
    if (this.known.size > VERSIONS_KNOWN_MAX) this.known.clear();
    return stored.map((each) => {
      const row = this.known.get(each.id) ?? priceRowOf(each);
      this.known.set(each.id, row);
      return row;
    });
  }

  /** The next estimate reads the book first. */
  private invalidate(): void {
    this.loadedAtMs = -Infinity;
    this.outage.end();
    // A load that began before may miss what has been published since.
    this.loading = null;
  }

  private async refreshOrKeep(): Promise<void> {
    if (this.book.byModel.size === 0) return this.refresh();
    const refresh = this.deadlines.within(REFRESH_MS_MAX, this.refresh()).catch(() => this.outage.see());
    // Where the refresh fails or takes longer, the book at hand serves, and the next estimates wait for no refresh.
    if (!this.outage.isRecent()) await refresh;
  }

  /** One load at a time. A failed one leaves the book as it was and rejects for those who wait. */
  private refresh(): Promise<void> {
    if (this.loading !== null) return this.loading;
    const startedAtMs = this.clock.now().getTime();
    const loading: Promise<void> = this.load()
      .then((book) => {
        if (this.loading !== loading) return this.refresh();
        this.book = book;
        this.startsOver = false;
        this.loadedAtMs = startedAtMs;
        this.outage.end();
        return undefined;
      })
      .finally(() => {
        if (this.loading === loading) this.loading = null;
      });
    this.loading = loading;
    return loading;
  }

  /** Reads what was added since the last load: ids are in the order of the commits. */
  private async load(): Promise<Book> {
    const book = this.startsOver ? emptyBook() : this.book;
    for (let limit = LOAD_VERSIONS_MAX; ;) {
      const page = await findVersionsAfter(this.database.decisions.reader, { id: book.newestId, limit });
      for (const row of this.rowsOf(page)) include(book, row);
      if (page.length < limit) return book;
    }
  }
}

type ListFilter = Pick<VersionFilter, 'model' | 'entity'> & Partial<VersionFilter>;

function emptyBook(): Book {
  return { byModel: new Map(), newestId: 0n };
}

/** Two loads may read the same version, one of them for nothing. */
function include(book: Book, row: PriceRow): void {
  if (row.id <= book.newestId) return;
  book.newestId = row.id;
  const versions = book.byModel.get(row.model);
  if (versions === undefined) book.byModel.set(row.model, [row]);
  else versions.push(row);
}
