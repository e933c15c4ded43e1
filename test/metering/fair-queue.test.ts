import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FairQueue } from '../../src/metering/fair-queue.js';

type Item = { entity: string; index: number };

function aQueue(counts: Readonly<Record<string, number>>): FairQueue<Item> {
  const queue = new FairQueue<Item>();
  for (const [entity, count] of Object.entries(counts))
    for (let index = 0; index < count; index += 1) queue.push(entity, { entity, index });
  return queue;
}

describe('the fair queue', () => {
  it('takes all of an entity that has little in line, however much another has, and fills the rest', () => {
    const taken = aQueue({ flood: 5_000, small: 7 }).take(1_000);
    expect(taken).toHaveLength(1_000);
    expect(taken.filter(({ entity }) => entity === 'small')).toHaveLength(7);
  });

  it('gives each of more entities than a batch holds its turn before any has a second', () => {
    const entities = Array.from({ length: 30 }, (_, index) => `e${index}`);
    const queue = aQueue(Object.fromEntries(entities.map((entity) => [entity, 200])));
    const served = [queue.take(1_000), queue.take(500)].flat();
    expect(new Set(served.map(({ entity }) => entity)).size).toBe(30);
  });

  it('hands out every item once, in the sequence of its entity, with an entity’s items together', () => {
    const order = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(400)), { maxLength: 8 });
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: 300 }), (pushes, countMax) => {
        const queue = new FairQueue<Item>();
        const next: Record<string, number> = {};
        const out: Item[] = [];
        for (const [entity, count] of pushes) {
          for (let made = 0; made < count; made += 1)
            queue.push(entity, { entity, index: (next[entity] = (next[entity] ?? -1) + 1) });
          const batch = queue.take(countMax);
          const entities = batch.map((item) => item.entity);
          const changes = entities.filter((each, at) => at === 0 || entities[at - 1] !== each).length;
          expect(changes).toBe(new Set(entities).size);
          out.push(...batch);
        }
        while (queue.count > 0) out.push(...queue.take(countMax));
        for (const [entity, last] of Object.entries(next))
          expect(out.filter((item) => item.entity === entity).map(({ index }) => index)).toEqual(
            Array.from({ length: last + 1 }, (_, index) => index),
          );
        expect(queue.entityCount).toBe(0);
      }),
    );
  });
});
