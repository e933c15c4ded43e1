/** The prices that a first start adds. Every start may run it: it adds what is missing and changes nothing. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseUsdPerMillion } from '../domain/money.js';
import { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';

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

export async function ensureFirstPrices({ reader }: Database, file: URL): Promise<void> {
  const book = priceBookFile.parse(JSON.parse(await readFile(file, 'utf8')));
  const createdAt = await new Clock().bookingTime(reader);
  const data = book.prices.map((price) => ({
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
  }));
  await reader.price.createMany({ data, skipDuplicates: true });
}
