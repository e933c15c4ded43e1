/** The price book: which version rates what, how a new one is published, and what a price map from elsewhere would change. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { priceInForce, type Price } from '../domain/price.js';
import { Clock } from '../platform/clock.js';
import { within } from '../platform/deadline.js';
import { insertAuditEntry } from '../access/audit-log.sql.js';
import { Database, type Tx } from '../platform/database.js';
import { findPrices, insertPrice, lockPriceBook, lockPriceBookShared, type PriceRow } from './prices.sql.js';
import { isSamePrice, readPriceMap, type MappedPrice, type SkippedModel } from './price-import.js';

/** How long a quota estimate may go by an older book. Rating never does: it reads the book in its own transaction. */
const CACHE_MS_MAX = 5_000;

/** From this age on a newer one is fetched while the old one serves, so that nobody waits for it. */
const CACHE_MS_AHEAD = 3_000;

/** How long an estimate waits for a newer book when it has an older one. */
const REFRESH_MS_MAX = 250;

/** What a model gets that states no maximum of its own. */
const MAX_INPUT_TOKENS_DEFAULT = 131_072;
const MAX_OUTPUT_TOKENS_DEFAULT = 8_192;

export type PriceOrder = {
  readonly model: string;
  readonly entity: EntityName | null;
  /** Null is now. */
  readonly effectiveFrom: Date | null;
  readonly inputPicosPerToken: bigint;
  readonly cachedInputPicosPerToken: bigint | null;
  readonly outputPicosPerToken: bigint;
  /** Null keeps the maximum of the model's version in force. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly source: string;
  readonly actor: string;
};

export type PriceImport = {
  readonly changes: readonly { readonly before: PriceRow | null; readonly after: MappedPrice }[];
  readonly unchanged: number;
  readonly skipped: readonly SkippedModel[];
};

@Injectable()
export class PriceBook {
  private byModel = new Map<string, Price[]>();
  private loadedAtMs = -Infinity;
  private loading: Promise<void> | null = null;
  /** Which book was fetched ahead for: once for each, whatever comes of it. */
  private aheadOfMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * The version in force for an estimate; at most five seconds behind the book. While Postgres is away or slow the last book
   * that was read goes on; without one the load's error is thrown.
   */
  async priceFor(use: { model: string; entity: EntityName; at: Date }): Promise<Price | null> {
    const price = this.priceAtHand(use);
    if (price !== undefined) return price;
    await this.refreshOrKeep();
    return priceInForce(this.byModel.get(use.model) ?? [], use);
  }

  /** The same without waiting; undefined where only `priceFor` can tell. */
  priceAtHand(use: { model: string; entity: EntityName; at: Date }): Price | null | undefined {
    const ageMs = this.clock.now().getTime() - this.loadedAtMs;
    if (ageMs < 0 || ageMs > CACHE_MS_MAX) return undefined;
    if (ageMs > CACHE_MS_AHEAD && this.aheadOfMs !== this.loadedAtMs) {
      this.aheadOfMs = this.loadedAtMs;
      void this.refresh().catch(() => {});
    }
    return priceInForce(this.byModel.get(use.model) ?? [], use);
  }

  /**
   * Keeps the book as it is until the transaction ends: no price is published while events are rated. Take it in a statement
   * of its own, after the accounts' locks and before `versionsOf`.
   */
  async lockShared(tx: Tx): Promise<void> {
    await lockPriceBookShared(tx);
  }

  /** All versions of the models, for rating: read in the transaction, not from the cache. */
  async versionsOf(tx: Tx, models: readonly string[]): Promise<Price[]> {
    return findPrices(tx, { models });
  }

  async list(filter: { model: string | null; entity: string | null }): Promise<PriceRow[]> {
    const rows = await findPrices(this.database.reader, {
      models: filter.model === null ? null : [filter.model],
    });
    return filter.entity === null
      ? rows
      : rows.filter((row) => row.entity === null || row.entity === filter.entity);
  }

  /** Adds a version in the caller's transaction; a second one for the same model, entity and instant is a conflict. */
  async publish(tx: Tx, order: PriceOrder): Promise<PriceRow> {
    await lockPriceBook(tx);
    const createdAt = await this.clock.bookingTime(tx);
    const { model, entity } = order;
    const effectiveFrom = order.effectiveFrom ?? createdAt;
    const versions = await findPrices(tx, { models: [model] });
    const current = versions.find((version) => version.entity === entity) ?? versions[0];
    const price = await insertPrice(tx, {
      model,
      entity,
      effectiveFrom,
      inputPicosPerToken: order.inputPicosPerToken,
      cachedInputPicosPerToken: order.cachedInputPicosPerToken,
      outputPicosPerToken: order.outputPicosPerToken,
      maxInputTokens: order.maxInputTokens ?? current?.maxInputTokens ?? MAX_INPUT_TOKENS_DEFAULT,
      maxOutputTokens: order.maxOutputTokens ?? current?.maxOutputTokens ?? MAX_OUTPUT_TOKENS_DEFAULT,
      source: order.source,
      createdAt,
    });
    if (price === null) {
      throw new TallyError('conflict', `${model} already has a price from ${effectiveFrom.toISOString()}`, {
        param: 'effective_from',
      });
    }
    await insertAuditEntry(tx, {
      at: createdAt,
      actor: order.actor,
      action: 'prices.publish',
      entity,
      target: model,
      before: current === undefined ? null : auditOf(current),
      after: auditOf(price),
    });
    return price;
  }

  /**
   * Publishes list prices, from now on, for the models of a price map whose prices differ from those in force; `dryRun` only
   * says which they are. One audit entry names them all.
   */
  async importMap(
    tx: Tx,
    order: { map: Readonly<Record<string, unknown>>; dryRun: boolean; actor: string },
  ): Promise<PriceImport> {
    await lockPriceBook(tx);
    const at = await this.clock.bookingTime(tx);
    const { prices, skipped } = readPriceMap(order.map);
    const versions = await findPrices(tx, { models: prices.map(({ model }) => model) });
    const current = new Map<string, PriceRow>();
    for (const version of versions) {
      const isNewest = version.entity === null && version.effectiveFrom <= at && !current.has(version.model);
      if (isNewest) current.set(version.model, version);
    }
    const changed = prices.filter((mapped) => {
      const known = current.get(mapped.model);
      return known === undefined || !isSamePrice(mapped, known);
    });
    const changes = changed.map((mapped) => ({ before: current.get(mapped.model) ?? null, after: mapped }));
    if (!order.dryRun && changed.length > 0)
      await this.publishMapped(tx, { changed, current, at, actor: order.actor });
    return { changes, unchanged: prices.length - changed.length, skipped };
  }

  private async publishMapped(
    tx: Tx,
    order: {
      changed: readonly MappedPrice[];
      current: ReadonlyMap<string, PriceRow>;
      at: Date;
      actor: string;
    },
  ): Promise<void> {
    for (const mapped of order.changed) {
      const known = order.current.get(mapped.model);
      await insertPrice(tx, {
        ...mapped,
        entity: null,
        effectiveFrom: order.at,
        maxInputTokens: mapped.maxInputTokens ?? known?.maxInputTokens ?? MAX_INPUT_TOKENS_DEFAULT,
        maxOutputTokens: mapped.maxOutputTokens ?? known?.maxOutputTokens ?? MAX_OUTPUT_TOKENS_DEFAULT,
        source: 'price map',
        createdAt: order.at,
      });
    }
    await insertAuditEntry(tx, {
      at: order.at,
      actor: order.actor,
      action: 'prices.import',
      entity: null,
      target: `${order.changed.length} models`,
      before: null,
      after: { models: order.changed.map(({ model }) => model) },
    });
  }

  /** Forgets the cached book; the next estimate reads it anew. */
  forget(): void {
    this.loadedAtMs = -Infinity;
    // A load that began before may miss what is to be read.
    this.loading = null;
  }

  private async refreshOrKeep(): Promise<void> {
    if (this.byModel.size === 0) return this.refresh();
    // Whatever comes of it later, the book that is here serves.
    await within(REFRESH_MS_MAX, this.refresh()).catch(() => {});
  }

  /** One load at a time; a failed one leaves the book as it was and its error to whoever waits. */
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
    for (const price of await findPrices(this.database.reader, { models: null })) {
      byModel.set(price.model, [...(byModel.get(price.model) ?? []), price]);
    }
    return byModel;
  }
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
