import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { TimeTravel } from '../simulation/time-travel.js';

/** In CI the seed comes from the commit; elsewhere every run tries another. `npm run simulate -- --seed N` repeats one, for longer. */
const SEED = Number(process.env['TALLY_TEST_SEED'] ?? randomInt(2 ** 31));
const SECONDS = 15;
/** On a busy machine the start alone may take the time. */
const STEPS_MIN = 6;

describe('a random history', () => {
  it(`over months and years says at every step what the model says (seed ${SEED})`, async () => {
    const endMs = performance.now() + SECONDS * 1_000;
    const isOver = (steps: number) => steps >= STEPS_MIN && performance.now() > endMs;
    expect(await new TimeTravel(SEED).run(isOver)).toBeGreaterThan(5);
  });
});
