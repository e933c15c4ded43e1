/** Gives each rate an id, by its content, and finds the unit prices of an id. */
import { Injectable } from '@nestjs/common';
import { assert } from '../domain/errors.js';
import { unitPricesFromJson, unitPricesJson } from '../domain/meter-charges.js';
import type { UnitPrices } from '../domain/price.js';
import { Database, type Tx } from '../platform/database.js';
import { findRateIds, findRates, insertRates, type RateContent } from './rates.sql.js';

export type Rate = { readonly priceId: bigint; readonly unitPrices: UnitPrices };

/** Rates that a process remembers before it starts over. */
const RATES_KNOWN_MAX = 50_000;

@Injectable()
export class Rates {
  /** Ids by content and rates by id, of committed rows alone: what a transaction has added itself may be rolled back. */
  private readonly idsKnown = new Map<string, bigint>();
  private readonly known = new Map<bigint, Rate>();
  /** By the object itself, which is the same for all events that a version charges alike. */
  private idsByObject = new WeakMap<UnitPrices, { readonly priceId: bigint; readonly id: bigint }>();

  constructor(database: Database) {
    database.onReturn(() => this.clearKnown());
  }

  /** One id for each rate, in their order. Adds what is missing in the caller's transaction. */
  async idsOf(tx: Tx, wanted: readonly Rate[]): Promise<bigint[]> {
    const ids = wanted.map((rate) => this.idAtHand(rate));
    if (ids.some((id) => id === undefined)) await this.findOrAdd(tx, wanted, ids);
    return ids.map((id) => {
      assert(id !== undefined, 'every rate has been found or added');
      return id;
    });
  }

  /** By id. Ids that do not exist, such as that of unpriced usage, are left out. */
  async ratesOf(tx: Tx, ids: readonly bigint[]): Promise<Map<bigint, Rate>> {
    const found = new Map<bigint, Rate>();
    const missing = new Set<bigint>();
    for (const id of ids) {
      const rate = this.known.get(id);
      if (rate === undefined) missing.add(id);
      else found.set(id, rate);
    }
    if (missing.size === 0) return found;
    for (const { id, priceId, unitPrices, committed } of await findRates(tx, [...missing])) {
      const rate = { priceId, unitPrices: unitPricesFromJson(unitPrices) };
      found.set(id, rate);
      if (committed) remember(this.known, id, rate);
    }
    return found;
  }

  /** The same without the versions that the rates are of. */
  async unitPricesOf(tx: Tx, ids: readonly bigint[]): Promise<Map<bigint, UnitPrices>> {
    const rates = await this.ratesOf(tx, ids);
    return new Map([...rates].map(([id, { unitPrices }]) => [id, unitPrices]));
  }

  private idAtHand(rate: Rate): bigint | undefined {
    const same = this.idsByObject.get(rate.unitPrices);
    if (same !== undefined && same.priceId === rate.priceId) return same.id;
    const id = this.idsKnown.get(keyOf(contentOf(rate)));
    if (id !== undefined) this.idsByObject.set(rate.unitPrices, { priceId: rate.priceId, id });
    return id;
  }

  /** Fills the gaps of `ids`. */
  private async findOrAdd(tx: Tx, wanted: readonly Rate[], ids: (bigint | undefined)[]): Promise<void> {
    const contents = wanted.map((rate, index) => (ids[index] === undefined ? contentOf(rate) : null));
    const unknown = new Map(
      contents.flatMap((content) => (content === null ? [] : [[keyOf(content), content]])),
    );
    const found = new Map<string, bigint>();
    await this.find(tx, [...unknown.values()], found);
    const missing = [...unknown].flatMap(([key, content]) => (found.has(key) ? [] : [content]));
    if (missing.length > 0) {
      await insertRates(tx, missing);
      await this.find(tx, missing, found);
    }
    for (const [index, content] of contents.entries()) {
      if (content !== null) ids[index] = found.get(keyOf(content));
    }
  }

  private async find(tx: Tx, contents: readonly RateContent[], found: Map<string, bigint>): Promise<void> {
    for (const { index, id, committed } of await findRateIds(tx, contents)) {
      const key = keyOf(contents[index]!);
      found.set(key, id);
      if (committed) remember(this.idsKnown, key, id);
    }
  }

  /** A database that was restored from a backup may have other rates under the same ids. */
  private clearKnown(): void {
    this.idsKnown.clear();
    this.known.clear();
    this.idsByObject = new WeakMap();
  }
}

export function contentOf({ priceId, unitPrices }: Rate): RateContent {
  return { priceId, unitPrices: JSON.stringify(unitPricesJson(unitPrices)) };
}

function keyOf({ priceId, unitPrices }: RateContent): string {
  return `${priceId} ${unitPrices}`;
}

function remember<K, V>(known: Map<K, V>, key: K, value: V): void {
  if (known.size >= RATES_KNOWN_MAX) known.clear();
  known.set(key, value);
}
