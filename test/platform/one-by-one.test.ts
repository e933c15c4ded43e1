import { describe, expect, it } from '@jest/globals';
import { oneByOne, pagesOf, RoundError } from '../../src/platform/one-by-one.js';
import { Unavailable } from '../../src/platform/unavailable.js';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** Two to a page. */
const entities = (names: readonly string[] = NAMES) =>
  pagesOf<{ entity: string }>(async (after) => {
    const from = after === null ? 0 : names.indexOf(after.entity) + 1;
    return names.slice(from, from + 2).map((entity) => ({ entity }));
  });

async function roundOf(
  run: (entity: string) => Promise<number>,
  signal?: AbortSignal,
): Promise<{ tried: string[]; result: unknown }> {
  const tried: string[] = [];
  const result = await oneByOne(
    entities(),
    ({ entity }) => {
      tried.push(entity);
      return run(entity);
    },
    signal,
  ).catch((error: unknown) => error);
  return { tried, result };
}

describe('a round over entities', () => {
  it('takes each of all pages once and adds up what changed', async () => {
    expect(await roundOf(async () => 2)).toEqual({ tried: NAMES, result: 10 });
  });

  it('goes on after one that fails, and tells at its end which and how many', async () => {
    const broken = new Error('broken');
    const { tried, result } = await roundOf(async (entity) => {
      if (entity === 'b' || entity === 'd') throw broken;
      return 1;
    });
    expect(tried).toEqual(NAMES);
    expect(result).toMatchObject({
      message: '2 of 5 failed, the first one by: Error: broken',
      failures: [
        { entity: 'b', error: broken },
        { entity: 'd', error: broken },
      ],
    });
    expect(result).toBeInstanceOf(RoundError);
  });

  it('ends where a server is unavailable to three in a row, and not where it is to some', async () => {
    const down = new Unavailable('postgres', new Error('down'));
    expect(await roundOf(() => Promise.reject(down))).toEqual({ tried: ['a', 'b', 'c'], result: down });
    const { tried } = await roundOf((entity) => (entity === 'c' ? Promise.resolve(1) : Promise.reject(down)));
    expect(tried).toEqual(NAMES);
  });

  it('ends after the one that it is at when it is told to stop', async () => {
    const stop = new AbortController();
    const run = async (entity: string) => {
      if (entity === 'b') stop.abort();
      return 1;
    };
    expect(await roundOf(run, stop.signal)).toEqual({ tried: ['a', 'b'], result: 2 });
  });
});
