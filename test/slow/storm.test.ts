/** Ten minutes of faults, or as many as `STORM_MINUTES` says. It runs beside the other slow tests (test/support/jest/sequencer.js). */
import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Disasters } from '../simulation/disasters.js';

/** In CI the seed comes from the commit; elsewhere every run tries another. */
const SEED = Number(process.env['TALLY_TEST_SEED'] ?? randomInt(2 ** 31));
const MINUTES = Number(process.env['STORM_MINUTES'] ?? 10);
/** Each seed is an installation of its own, with one queue or with shards. */
const SEEDS = [SEED, SEED + 1];
const MS = 60_000;

describe('a storm of kills, lost commits, repeated jobs, jumping clocks, slow wires, locked customers and floods', () => {
  it.each(SEEDS)(
    'ends every round with the books of the model (seed %i)',
    async (seed) => {
      const endMs = performance.now() + (MINUTES * MS) / SEEDS.length;
      const history = new Disasters(seed, new Map());
      // On a busy machine the start alone may take the time.
      expect(await history.run((rounds) => rounds >= 1 && performance.now() > endMs)).toBeGreaterThan(0);
      expect(history.extent.events).toBeGreaterThan(0);
    },
    6 * MINUTES * MS,
  );
});
