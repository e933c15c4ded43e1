import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityName } from '../../src/domain/ids.js';
import { Database } from '../../src/platform/database.js';
import { LLAMA, LLAMA_PICOS_PER_TOKEN } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { bookkeepingOver } from '../support/services.js';

let books: Books;
beforeAll(async () => (books = await theBooks()));
afterAll(() => books.close());

const use = () => ({ model: LLAMA, entity: 'entity1' as EntityName, at: books.clock.now() });

async function publish(effectiveFrom: Date | null, picos: bigint): Promise<void> {
  await books.database.transaction((tx) =>
    books.prices.publish(tx, {
      model: LLAMA,
      entity: null,
      effectiveFrom,
      inputPicosPerToken: picos,
      cachedInputPicosPerToken: null,
      outputPicosPerToken: picos,
      maxInputTokens: null,
      maxOutputTokens: null,
      source: 'test',
      actor: 'test',
    }),
  );
}

describe('the price book', () => {
  it('uses a new version for estimates within five seconds of its publication', async () => {
    expect((await books.prices.priceFor(use()))?.inputPicosPerToken).toBe(LLAMA_PICOS_PER_TOKEN);
    await publish(books.clock.now(), 5n);
    books.clock.advance(5_001);
    expect((await books.prices.priceFor(use()))?.inputPicosPerToken).toBe(5n);
  });

  it('refuses a second version of the same model, entity and instant', async () => {
    const instant = new Date('2026-12-01T00:00:00Z');
    await publish(instant, 7n);
    await expect(publish(instant, 8n)).rejects.toMatchObject({ code: 'conflict', param: 'effective_from' });
  });

  it('keeps estimating by the book it has while Postgres is unavailable, and fails without one', async () => {
    const unavailable = new Database({ url: 'postgresql://nobody@127.0.0.1:1/none' });
    const empty = bookkeepingOver({ database: unavailable, clock: books.clock }).prices;
    await expect(empty.priceFor(use())).rejects.toMatchObject({ name: 'Unavailable', server: 'postgres' });
    await unavailable.close();
    const soonUnavailable = new Database({ url: books.postgres.url });
    const full = bookkeepingOver({ database: soonUnavailable, clock: books.clock }).prices;
    const before = await full.priceFor(use());
    await soonUnavailable.close();
    books.clock.advance(60_000);
    expect(await full.priceFor(use())).toEqual(before);
  });
});
