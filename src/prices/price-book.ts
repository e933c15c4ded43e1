/** The price book: price versions, of which one is in force at a time. They are added and never changed. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { insertAuditEntry } from '../access/audit-log.js';
import { Changes } from '../access/changes.js';
import { TallyError } from '../domain/errors.js';
import { priceInForce, type Price, type PriceUse } from '../domain/price.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Deadlines } from '../platform/deadline.js';
import type { Prisma } from '../platform/prisma/client.js';
import { lockPriceBook, lockPriceBookShared } from './price-book.sql.js';

/** How far an estimate may be behind the book. Rating never is: it reads the book in its own transaction. */
const CACHE_MS_MAX = 5_000;

/** A book of this age still serves while the next one is fetched, so that nobody waits for it. */
const CACHE_MS_AHEAD = 3_000;

/** How long an estimate waits for a newer book when it has an older one. */
const REFRESH_MS_MAX = 250;

/** For a model whose price states no maximum of its own. */
const MAX_INPUT_TOKENS_DEFAULT = 131_072;
const MAX_OUTPUT_TOKENS_DEFAULT = 8_192;

export type PriceRow = Price & { readonly source: string; readonly createdAt: Date };

export type NewPrice = Omit<PriceRow, 'id' | 'maxInputTokens' | 'maxOutputTokens'> & {
  /** Null keeps the maximum of the model's version in force. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

export type PriceOrder = Omit<NewPrice, 'effectiveFrom' | 'createdAt'> & {
  /** Null is now. */
  readonly effectiveFrom: Date | null;
  readonly actor: string;
};

const NEWEST_FIRST: Prisma.PriceOrderByWithRelationInput[] = [
  { model: 'asc' },
  { effectiveFrom: 'desc' },
  { id: 'desc' },
];

@Injectable()
export class PriceBook implements OnModuleInit {
  private readonly deadlines = new Deadlines();
  private byModel = new Map<string, Price[]>();
  private loadedAtMs = -Infinity;
  private loading: Promise<void> | null = null;
  /** When the book was loaded for which the next one was fetched ahead: once for each book, successful or not. */
  private aheadOfMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly changes: Changes,
  ) {}

  /** An admin who publishes a price sees it in the next estimate of this process. */
  onModuleInit(): void {
    this.changes.onCommit(async (concerned) => {
      if (concerned.some((each) => 'prices' in each)) this.invalidate();
    });
  }

  /**
   * The version in force, for an estimate: at most five seconds behind the book. While Postgres is unavailable or slow, the last
   * book that was read serves; without one, the error of reading it is thrown.
   */
  async priceFor(use: PriceUse): Promise<Price | null> {
    const price = this.priceAtHand(use);
    if (price !== undefined) return price;
    await this.refreshOrKeep();
    return priceInForce(this.byModel.get(use.model) ?? [], use);
  }

  /** The same without waiting; undefined where only `priceFor` can tell. */
  priceAtHand(use: PriceUse): Price | null | undefined {
    const ageMs = this.clock.now().getTime() - this.loadedAtMs;
    if (ageMs < 0 || ageMs > CACHE_MS_MAX) return undefined;
    if (ageMs > CACHE_MS_AHEAD && this.aheadOfMs !== this.loadedAtMs) {
      this.aheadOfMs = this.loadedAtMs;
      void this.refresh().catch(() => {});
    }
    return priceInForce(this.byModel.get(use.model) ?? [], use);
  }

  /**
   * Keeps the book as it is until the transaction ends: no price is published while usage is rated. Take this lock after the
   * accounts' locks, and read the versions after it: a statement that waits for a lock sees the book as it was before the wait.
   */
  async lockShared(tx: Tx): Promise<void> {
    await lockPriceBookShared(tx);
  }

  /** All versions of the models, by model and then newest first: read in the transaction, not from the cache. */
  async versionsOf(tx: Tx, models: readonly string[]): Promise<PriceRow[]> {
    const rows = await tx.price.findMany({ where: { model: { in: [...models] } }, orderBy: NEWEST_FIRST });
    return rows as PriceRow[];
  }

  /** In the same order, for one model or for all; for an entity, the list prices and its own. */
  async list(filter: { model: string | null; entity: string | null }): Promise<PriceRow[]> {
    const { model, entity } = filter;
    const rows = await this.database.reader.price.findMany({
      where: {
        ...(model !== null && { model }),
        ...(entity !== null && { OR: [{ entity: null }, { entity }] }),
      },
      orderBy: NEWEST_FIRST,
    });
    return rows as PriceRow[];
  }

  /** Adds a version in the caller's transaction; a second one for the same model, entity and instant is a conflict. */
  async publish(tx: Tx, { actor, ...order }: PriceOrder): Promise<PriceRow> {
    await lockPriceBook(tx);
    const createdAt = await this.clock.bookingTime(tx);
    const { model, entity } = order;
    const effectiveFrom = order.effectiveFrom ?? createdAt;
    const versions = await this.versionsOf(tx, [model]);
    const current = versions.find((version) => version.entity === entity) ?? versions[0];
    const data = withMaximums({ ...order, effectiveFrom, createdAt }, current);
    const [price] = await tx.price.createManyAndReturn({ data, skipDuplicates: true });
    if (price === undefined) {
      throw new TallyError('conflict', `${model} already has a price from ${effectiveFrom.toISOString()}`, {
        param: 'effective_from',
      });
    }
    const added = price as PriceRow;
    await insertAuditEntry(tx, {
      at: createdAt,
      actor,
      action: 'prices.publish',
      entity,
      target: model,
      before: current === undefined ? null : auditOf(current),
      after: auditOf(added),
    });
    return added;
  }

  /** The next estimate reads the book first. */
  private invalidate(): void {
    this.loadedAtMs = -Infinity;
    // A load that began before may miss what has been published since.
    this.loading = null;
  }

  private async refreshOrKeep(): Promise<void> {
    if (this.byModel.size === 0) return this.refresh();
    // Where the refresh fails or takes longer, the book at hand serves.
    await this.deadlines.within(REFRESH_MS_MAX, this.refresh()).catch(() => {});
  }

  /** One load at a time. A failed one leaves the book as it was and rejects for those who wait. */
  private refresh(): Promise<void> {
    if (this.loading !== null) return this.loading;
    const startedAtMs = this.clock.now().getTime();
    const loading: Promise<void> = this.load()
      .then((byModel) => {
        if (this.loading !== loading) return this.refresh();
        this.byModel = byModel;
        this.loadedAtMs = startedAtMs;
        return undefined;
      })
      .finally(() => {
        if (this.loading === loading) this.loading = null;
      });
    this.loading = loading;
    return loading;
  }

  private async load(): Promise<Map<string, Price[]>> {
    const byModel = new Map<string, Price[]>();
    for (const price of await this.list({ model: null, entity: null })) {
      const versions = byModel.get(price.model);
      if (versions === undefined) byModel.set(price.model, [price]);
      else versions.push(price);
    }
    return byModel;
  }
}

/** Where a new version states no maximum, the current version's maximum stays. */
export function withMaximums(price: NewPrice, current: PriceRow | undefined): Omit<PriceRow, 'id'> {
  return {
    ...price,
    maxInputTokens: price.maxInputTokens ?? current?.maxInputTokens ?? MAX_INPUT_TOKENS_DEFAULT,
    maxOutputTokens: price.maxOutputTokens ?? current?.maxOutputTokens ?? MAX_OUTPUT_TOKENS_DEFAULT,
  };
}

function auditOf(price: PriceRow): Record<string, unknown> {
  return {
    id: String(price.id),
    effective_from: price.effectiveFrom,
    input_picos_per_token: String(price.inputPicosPerToken),
    cached_input_picos_per_token:
      price.cachedInputPicosPerToken === null ? null : String(price.cachedInputPicosPerToken),
    output_picos_per_token: String(price.outputPicosPerToken),
  };
}
