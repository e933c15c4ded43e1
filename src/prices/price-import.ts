/**
 * Imports a price map in LiteLLM's form (model_prices_and_context_window.json): list prices that differ from those in force are
 * published, and what cannot be charged by the token is refused with the reason.
 */
import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { insertAuditEntry } from '../access/audit-log.js';
import { picosFromDollarsPerToken } from '../domain/money.js';
import { Clock } from '../platform/clock.js';
import type { Tx } from '../platform/database.js';
import { maximumsOf, PriceBook, type PriceRow } from './price-book.js';
import { lockPriceBook } from './price-book.sql.js';
import type { PriceTermsBody } from './price-terms.schema.js';
import { formatUnitPrice, readPriceTerms } from './price-terms.js';
import { insertVersions } from './price-versions.sql.js';

/** The prices of a model, as a map gives them. */
export type MappedPrice = {
  readonly model: string;
  readonly terms: PriceTermsBody;
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
};

export type SkippedModel = { readonly model: string; readonly reason: string };

export type Imported = {
  readonly changes: readonly { readonly before: PriceRow | null; readonly after: MappedPrice }[];
  readonly unchanged: number;
  readonly skipped: readonly SkippedModel[];
};

@Injectable()
export class PriceImport {
  constructor(
    private readonly clock: Clock,
    private readonly prices: PriceBook,
  ) {}

  /**
   * Publishes from now on, in the caller's transaction; `dryRun` only says what it would publish. One audit entry names all
   * models.
   */
  async import(
    tx: Tx,
    order: { map: Readonly<Record<string, unknown>>; dryRun: boolean; actor: string },
  ): Promise<Imported> {
    await lockPriceBook(tx);
    const at = await this.clock.bookingTime(tx);
    const { prices, skipped } = readPriceMap(order.map);
    const inForce = await this.listPricesInForce(tx, { models: prices.map(({ model }) => model), at });
    const changed = prices.filter((mapped) => !isSamePrice(mapped, inForce.get(mapped.model)));
    const changes = changed.map((after) => ({ before: inForce.get(after.model) ?? null, after }));
    if (!order.dryRun && changes.length > 0) await publish(tx, { changes, at, actor: order.actor });
    return { changes, unchanged: prices.length - changed.length, skipped };
  }

  private async listPricesInForce(
    tx: Tx,
    of: { models: readonly string[]; at: Date },
  ): Promise<Map<string, PriceRow>> {
    const inForce = new Map<string, PriceRow>();
    for (const version of await this.prices.versionsOf(tx, of.models)) {
      const isInForce = version.entity === null && version.effectiveFrom <= of.at;
      // The newest comes first.
      if (isInForce && !inForce.has(version.model)) inForce.set(version.model, version);
    }
    return inForce;
  }
}

async function publish(
  tx: Tx,
  { changes, at, actor }: { changes: Imported['changes']; at: Date; actor: string },
): Promise<void> {
  const times = { effectiveFrom: at, createdAt: at };
  await insertVersions(
    tx,
    changes.map(({ before, after }) => ({
      ...after,
      ...times,
      ...readPriceTerms(after.terms),
      ...maximumsOf(after, before ?? undefined),
      entity: null,
      firstForMetersFrom: null,
      source: 'price map',
    })),
  );
  await insertAuditEntry(tx, {
    at,
    actor,
    action: 'prices.import',
    entity: null,
    target: `${changes.length} models`,
    before: null,
    after: { models: changes.map(({ after }) => after.model) },
  });
}

const entry = z.object({
  input_cost_per_token: z.number(),
  output_cost_per_token: z.number().default(0),
  cache_read_input_token_cost: z.number().nullish(),
  max_input_tokens: z.int().positive().nullish().catch(null),
  max_output_tokens: z.int().nonnegative().nullish().catch(null),
});

const MODEL = /^[^\p{Cc}]{1,256}$/u;

function readPriceMap(map: Readonly<Record<string, unknown>>): {
  prices: MappedPrice[];
  skipped: SkippedModel[];
} {
  const prices: MappedPrice[] = [];
  const skipped: SkippedModel[] = [];
  for (const [model, value] of Object.entries(map)) {
    // The map documents itself with an entry of this name.
    if (model === 'sample_spec') continue;
    const price = readEntry(model, value);
    if (typeof price === 'string') skipped.push({ model: model.slice(0, 256), reason: price });
    else prices.push(price);
  }
  return { prices, skipped };
}

/** The price, or the reason why there is none. */
function readEntry(model: string, value: unknown): MappedPrice | string {
  if (!MODEL.test(model) || !model.isWellFormed()) return 'the name must have 1 to 256 printable characters';
  const parsed = entry.safeParse(value);
  if (!parsed.success) return 'has no input_cost_per_token as a number';
  const { data } = parsed;
  const cached = data.cache_read_input_token_cost ?? null;
  const inputPicosPerToken = picosFromDollarsPerToken(data.input_cost_per_token);
  const outputPicosPerToken = picosFromDollarsPerToken(data.output_cost_per_token);
  const cachedInputPicosPerToken = cached === null ? null : picosFromDollarsPerToken(cached);
  if (
    inputPicosPerToken === null ||
    outputPicosPerToken === null ||
    (cached !== null && cachedInputPicosPerToken === null)
  ) {
    return 'a cost per token must be from 0 to 0.01 and a whole number of picodollars';
  }
  return {
    model,
    terms: {
      input_usd_per_million: formatUnitPrice('input', inputPicosPerToken),
      ...(cachedInputPicosPerToken !== null && {
        cached_input_usd_per_million: formatUnitPrice('cached_input', cachedInputPicosPerToken),
      }),
      output_usd_per_million: formatUnitPrice('output', outputPicosPerToken),
    },
    maxInputTokens: data.max_input_tokens ?? null,
    maxOutputTokens: data.max_output_tokens ?? null,
  };
}

/** A maximum that the map does not state is no difference. */
function isSamePrice(mapped: MappedPrice, current: PriceRow | undefined): boolean {
  return (
    current !== undefined &&
    isDeepStrictEqual(readPriceTerms(mapped.terms), { prices: current.prices, variants: current.variants }) &&
    (mapped.maxInputTokens ?? current.maxInputTokens) === current.maxInputTokens &&
    (mapped.maxOutputTokens ?? current.maxOutputTokens) === current.maxOutputTokens
  );
}
