/** The prices that a first start adds. Every start may run it: it adds what is missing and changes nothing. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { expectationOf } from '../http/expectations.js';
import { TOKENS_MAX } from '@tally/client/protocol';
import { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import { lockPriceBook } from './price-book-lock.js';
import { priceTermsFields } from './price-terms.schema.js';
import { readPriceTerms } from './price-terms.js';
import { insertVersions } from './price-versions.sql.js';

const priceBookFile = z.object({
  effective_from: z.iso.datetime(),
  prices: z.array(
    z.strictObject({
      model: z.string(),
      max_input_tokens: z.int().positive().max(TOKENS_MAX),
      max_output_tokens: z.int().nonnegative().max(TOKENS_MAX),
      source: z.string(),
      ...priceTermsFields,
    }),
  ),
});

export async function ensureFirstPrices(database: Database, file: URL): Promise<void> {
  const book = priceBookFile.parse(JSON.parse(await readFile(file, 'utf8')), { error: expectationOf });
  const effectiveFrom = new Date(book.effective_from);
  const models = book.prices.map(({ model }) => model);
  const where = { model: { in: models }, entity: null, effectiveFrom };
  // A start does not wait for the book's lock, which usage that is being counted shares, where nothing is missing.
  if ((await database.reader.price.count({ where })) === models.length) return;
  await database.transaction(async (tx) => {
    await lockPriceBook(tx);
    const createdAt = await new Clock().bookingTime(tx);
    const versions = book.prices.map(({ model, max_input_tokens, max_output_tokens, source, ...terms }) => ({
      model,
      entity: null,
      effectiveFrom,
      firstForMetersFrom: null,
      terms,
      ...readPriceTerms(terms),
      maxInputTokens: max_input_tokens,
      maxOutputTokens: max_output_tokens,
      source,
      createdAt,
    }));
    await insertVersions(tx, versions);
  });
}
