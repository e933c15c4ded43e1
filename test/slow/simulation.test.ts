import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Disasters } from '../simulation/disasters.js';
import { TimeTravel } from '../simulation/time-travel.js';

/** In CI the seed comes from the commit; elsewhere every run tries another. `npm run simulate -- --seed N` repeats one, for longer. */
const SEED = Number(process.env['TALLY_TEST_SEED'] ?? randomInt(2 ** 31));
const SECONDS = 15;
const FAULT_SECONDS = 30;

/** At least `least` steps or rounds: on a busy machine the start alone may take the time. */
function after(seconds: number, least: number): (count: number) => boolean {
  const endMs = performance.now() + seconds * 1_000;
  return (count) => count >= least && performance.now() > endMs;
}

describe('a random history', () => {
  it(`over months and years says at every step what the model says (seed ${SEED})`, async () => {
    const history = new TimeTravel(SEED);
    expect(await history.run(after(SECONDS, 6))).toBeGreaterThan(5);
  });

  it(`of faults under load ends every round with the books of the model (seed ${SEED})`, async () => {
    const history = new Disasters(SEED, new Map());
    expect(await history.run(after(FAULT_SECONDS, 1))).toBeGreaterThan(0);
    expect(history.extent.events).toBeGreaterThan(0);
  }, 600_000);
});
