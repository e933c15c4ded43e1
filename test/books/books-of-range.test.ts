/** The books are read a range of entities at a time, and that changes nothing of what is found. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEntitiesOf, readEntityRanges } from '../../src/accounts/entity-ranges.js';
import { identitiesOf, withEntities } from '../../src/books/books-of-range.sql.js';
import { identityOf } from '../../src/domain/usage.js';
import { anEvent } from '../support/builders.js';
import { theBooks, type Books } from '../support/books.js';

const ENTITIES = Array.from({ length: 12 }, (_, index) => `range-${index}`);
const SRC = new URL('../../src/books/', import.meta.url);

let books: Books;
beforeAll(async () => {
  books = await theBooks();
  const occurredAt = books.clock.now();
  await books.recorder.record(ENTITIES.map((entity) => anEvent({ subject: `${entity}/p`, occurredAt })));
});
afterAll(() => books.close());

describe('the ranges of entities', () => {
  it('hold every bucket once, in order, and every entity', async () => {
    const ranges = await books.database.transaction((tx) => readEntityRanges(tx, { entitiesMax: 5 }));
    expect(ranges).toHaveLength(3);
    expect([ranges[0]!.from, ranges[2]!.to]).toEqual(['0000', 'ffff']);
    for (const [index, { from }] of ranges.slice(1).entries()) {
      expect(Number.parseInt(from, 16)).toBe(Number.parseInt(ranges[index]!.to, 16) + 1);
    }
    const entities = await books.database.transaction(async (tx) => {
      const found: string[][] = [];
      for (const range of ranges) found.push(await readEntitiesOf(tx, range));
      return found;
    });
    expect(entities.map(({ length }) => length)).toEqual([5, 5, 2]);
    expect(entities.flat().toSorted()).toEqual(ENTITIES.toSorted());
  });

  it('are one where there is no entity', async () => {
    const empty = await theBooks();
    try {
      const ranges = await empty.database.transaction((tx) => readEntityRanges(tx, { entitiesMax: 5 }));
      expect(ranges).toEqual([{ from: '0000', to: 'ffff' }]);
      expect((await empty.reconciliation.run()).ok).toBe(true);
    } finally {
      await empty.close();
    }
  });

  it('hold the identities of their entities', async () => {
    await books.database.transaction(async (tx) => {
      for (const range of await readEntityRanges(tx, { entitiesMax: 1 })) {
        const { least, greatest } = identitiesOf(range);
        for (const entity of await readEntitiesOf(tx, range)) {
          const identity = identityOf({ entity, source: 's', id: '1' });
          expect(least <= identity && identity <= greatest).toBe(true);
        }
      }
    });
  });

  it('narrow every relation with an entity that a check reads', async () => {
    const { rows } = await books.postgres.pool.query<{ name: string }>(
      `select table_name as name from information_schema.columns
       where table_schema = current_schema() and column_name = 'entity' and table_name <> 'entities'`,
    );
    const files = ['invariants.sql.ts', 'roll-up-invariants.sql.ts', 'waiting-usage-invariant.sql.ts'];
    const texts = await Promise.all(files.map((file) => readFile(new URL(file, SRC), 'utf8')));
    const read = new Set(texts.flatMap((text) => text.match(/\b[a-z]+(?:_[a-z]+)+\b|\bburns\b/g) ?? []));
    const narrowed = withEntities([]).sql;
    const forgotten = rows
      .map(({ name }) => name)
      .filter((name) => read.has(name) && !narrowed.includes(` ${name} as `));
    expect(forgotten).toEqual([]);
    expect(narrowed).toContain(' usage_events as ');
  });
});

describe('the reconciliation', () => {
  it('says the same of one range and of many, and tells how far it is', async () => {
    const progress: number[] = [];
    const many = await books.reconciliation.run({
      entitiesMax: 1,
      onProgress: (done) => progress.push(done),
    });
    expect(many).toEqual(await books.reconciliation.run());
    expect(many.ok).toBe(true);
    expect(many.checks.map(({ left }) => left)).toContain(String(ENTITIES.length));
    expect(progress).toHaveLength(ENTITIES.length);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  });

  it('finds a difference of each range, once', async () => {
    await books.postgres.pool.query(
      `update entity_spend set cost_picos = cost_picos + 1, overage_picos = overage_picos + 1 where entity in ($1, $2)`,
      [ENTITIES[3], ENTITIES[8]],
    );
    const { ok, checks } = await books.reconciliation.run({ entitiesMax: 1 });
    expect(ok).toBe(false);
    const differing = checks.find(({ name }) => name === 'spend of projects equals spend of entities')!;
    expect(new Set(differing.differences.map(({ key }) => (key as { entity: string }).entity))).toEqual(
      new Set([ENTITIES[3], ENTITIES[8]]),
    );
    expect(differing.differences).toHaveLength(2);
    await books.postgres.pool.query(
      `update entity_spend set cost_picos = cost_picos - 1, overage_picos = overage_picos - 1 where entity in ($1, $2)`,
      [ENTITIES[3], ENTITIES[8]],
    );
  });
});
