/** Counting, publishing, late charging, re-rating and voiding of the same usage at once, by four processes' worth of services. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';
import { servicesOver } from '../support/services.js';
import { Database } from '../../src/platform/database.js';
import type { EntityName } from '../../src/domain/ids.js';
import { RoundError } from '../../src/platform/one-by-one.js';
import { buy, expectAgreement, voidEvent } from '../support/correcting.js';
import { publish } from '../support/price-books.js';
import { priceTerms } from '../support/prices.js';

let books: Books;
let databases: Database[];
beforeAll(async () => {
  books = await theBooks();
  databases = [1, 2, 3].map(() => new Database({ url: books.postgres.url }));
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await books.close();
});

const MODELS = ['a', 'b', 'c', 'd'];
const ROUNDS = 8;
const FLEX = { variants: [{ when: { service_tier: 'flex' }, multiplier: '0.5' }] };

function eventsOf(worker: number) {
  return MODELS.flatMap((model, index) => [
    anEvent({
      subject: `racer${(worker + index) % 3}/p`,
      model,
      quantities: { input: 10 + index, output: 3, search: 2, cache_write_1h: 7 },
      serviceTier: index % 2 === 0 ? 'default' : 'flex',
    }),
    anEvent({ subject: `racer${index % 3}/p`, model, quantities: {} }),
  ]);
}

async function rows<T>(sql: string): Promise<T[]> {
  return (await books.postgres.pool.query(sql)).rows;
}

const NOW = `
  usage_events e
  left join lateral (
    select new_rate_id, new_cost_picos, kind from usage_corrections u where u.identity = e.identity order by id desc limit 1
  ) c on true
  left join rates r on r.id = coalesce(c.new_rate_id, e.rate_id)`;
const QUANTITIES = `input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, other_quantities`;

/** What a lock keeps from one round of upkeep is for the next, which is the last charge here. */
const leave = (error: unknown): void => {
  if (!(error instanceof RoundError)) throw error;
};

it('leaves each event at the cost of its rate, or waiting', async () => {
  const { clock, redis } = books;
  const others = databases.map((database) => servicesOver({ database, clock, redis }));
  await buy(books, 'racer0', 1_000_000n);
  const rerate = (model: string) =>
    books.rerating.rerate({
      model,
      entity: null,
      from: new Date('2026-11-01'),
      to: new Date('2026-12-01'),
      reason: 'race',
      actor: 'test',
    });
  for (let round = 0; round < ROUNDS; round += 1) {
    const model = MODELS[round % MODELS.length]!;
    const isFirst = round < MODELS.length;
    const terms = priceTerms(
      isFirst ? { input: 3n, request: 2n } : { input: 4n, output: 5n, search: 1_000n },
    );
    const counted = await rows<{ source: string; id: string }>(
      'select source, id from rated_events order by random() limit 4',
    );
    await Promise.all([
      ...[books, ...others].map(({ recorder }, worker) => recorder.record(eventsOf(worker))),
      publish(books, { model, terms: { ...terms, ...FLEX } }),
      ...others.map(({ unpriced }) => unpriced.charge().catch(leave)),
      ...(round % 3 === 1
        ? [
            publish(books, {
              model,
              entity: 'racer1' as EntityName,
              terms: priceTerms({ input: 9n, output: 9n }),
            }),
          ]
        : []),
      ...(round % 2 === 1 ? MODELS.map(rerate) : []),
      ...counted.map((event) => voidEvent(books, event)),
    ]);
    clock.advance(1_000);
  }
  await books.unpriced.charge();
  await expectAgreement(books);
  const wrong = await rows(`
    select e.id from ${NOW}
    where c.kind is distinct from 'void' and coalesce(c.new_cost_picos, e.cost_picos)
      <> coalesce(cost_at(r.unit_prices, 1, ${QUANTITIES}), 0)`);
  const waits = await rows(`
    select e.id from ${NOW}
    where case
      when c.kind = 'void' then e.unpriced_meters is not null
      else (
        select array_agg(meter order by meter) from jsonb_object_keys(quantities_of(${QUANTITIES})) meter
        where not coalesce(r.unit_prices, '{}') ? meter
      ) is distinct from (select array_agg(meter order by meter) from unnest(e.unpriced_meters) meter)
    end`);
  expect({ wrong, waits }).toEqual({ wrong: [], waits: [] });
});
