/** The first price book and plans. Adds what is missing and changes nothing that is there, so every start may run it. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseUsd, parseUsdPerMillion } from '../domain/money.js';
import { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import { insertPlanIfMissing } from '../accounts/plans.sql.js';
import { insertPrice } from './prices.sql.js';

const plansFile = z.array(
  z.object({
    name: z.string(),
    monthly_cap_usd: z.string().nullable(),
    yearly_cap_usd: z.string().nullable(),
    overage: z.enum(['blocked', 'allowed']),
  }),
);

const priceBookFile = z.object({
  effective_from: z.iso.datetime(),
  prices: z.array(
    z.object({
      model: z.string(),
      input_usd_per_million: z.string(),
      output_usd_per_million: z.string(),
      max_input_tokens: z.int().positive(),
      max_output_tokens: z.int().nonnegative(),
      source: z.string(),
    }),
  ),
});

/** `directory` holds plans.json and price-book.json. */
export async function seed(database: Database, directory: URL): Promise<void> {
  const plans = plansFile.parse(JSON.parse(await readFile(new URL('plans.json', directory), 'utf8')));
  const book = priceBookFile.parse(JSON.parse(await readFile(new URL('price-book.json', directory), 'utf8')));
  await database.transaction(async (tx) => {
    const createdAt = await new Clock().bookingTime(tx);
    for (const plan of plans) {
      await insertPlanIfMissing(tx, {
        name: plan.name,
        monthlyCapPicos: usdOrNull(plan.monthly_cap_usd),
        yearlyCapPicos: usdOrNull(plan.yearly_cap_usd),
        overage: plan.overage,
        maxConcurrentRequests: null,
        monthlyCreditPicos: 0n,
      });
    }
    for (const price of book.prices) {
      await insertPrice(tx, {
        model: price.model,
        entity: null,
        effectiveFrom: new Date(book.effective_from),
        inputPicosPerToken: parseUsdPerMillion(price.input_usd_per_million, 'input_usd_per_million'),
        cachedInputPicosPerToken: null,
        outputPicosPerToken: parseUsdPerMillion(price.output_usd_per_million, 'output_usd_per_million'),
        maxInputTokens: price.max_input_tokens,
        maxOutputTokens: price.max_output_tokens,
        source: price.source,
        createdAt,
      });
    }
  });
}

function usdOrNull(text: string | null): bigint | null {
  return text === null ? null : parseUsd(text, 'cap');
}
