import { describe, expect, it } from '@jest/globals';
import { Batcher } from '../../src/metering/batcher.js';

type Flush = { items: readonly number[]; commit: () => void; fail: (error: Error) => void };

/** A batcher whose flushes end when the test says so. */
function aBatcher({ batchCountMax = 3, waitMs = 1, flushesMax = 2 } = {}) {
  const flushes: Flush[] = [];
  const batcher = new Batcher<number>(
    (items) => new Promise((resolve, reject) => flushes.push({ items, commit: resolve, fail: reject })),
    { batchCountMax, waitMs, flushesMax },
  );
  const flushed = async (count: number): Promise<void> => {
    while (flushes.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { batcher, flushes, flushed };
}

describe('the batcher', () => {
  it('puts entries that arrive together into one flush, and resolves them only when it has committed', async () => {
    const { batcher, flushes, flushed } = aBatcher();
    const settled: number[] = [];
    const entries = [1, 2].map((item) => batcher.add([item]).then(() => settled.push(item)));
    await flushed(1);
    expect(flushes[0]!.items).toEqual([1, 2]);
    expect(settled).toEqual([]);
    flushes[0]!.commit();
    await Promise.all(entries);
    expect(settled).toEqual([1, 2]);
  });

  it('flushes a full batch at once and no more than the limit at a time', async () => {
    const { batcher, flushes, flushed } = aBatcher({ flushesMax: 1 });
    const entries = [1, 2, 3, 4, 5, 6].map((item) => batcher.add([item]));
    expect(flushes.map((flush) => flush.items)).toEqual([[1, 2, 3]]);
    flushes[0]!.commit();
    await flushed(2);
    expect(flushes[1]!.items).toEqual([4, 5, 6]);
    flushes[1]!.commit();
    await Promise.all(entries);
  });

  it('never splits an entry, and flushes one that is larger than a batch by itself', async () => {
    const { batcher, flushes, flushed } = aBatcher();
    const entries = [
      [1, 2],
      [3, 4],
      [5, 6, 7, 8, 9],
    ].map((items) => batcher.add(items));
    await flushed(2);
    expect(flushes.map((flush) => flush.items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    flushes[0]!.commit();
    await flushed(3);
    expect(flushes[2]!.items).toEqual([5, 6, 7, 8, 9]);
    flushes.forEach((flush) => flush.commit());
    await Promise.all(entries);
  });

  it('rejects exactly the entries of a flush that failed, and flushes the others', async () => {
    const { batcher, flushes, flushed } = aBatcher();
    const first = batcher.add([1, 2, 3]);
    const second = batcher.add([4]);
    await flushed(2);
    flushes[0]!.fail(new Error('no database'));
    flushes[1]!.commit();
    await expect(first).rejects.toThrow('no database');
    await expect(second).resolves.toBeUndefined();
  });
});
