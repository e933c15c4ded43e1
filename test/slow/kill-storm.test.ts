import { describe, expect, it } from '@jest/globals';
import { killStorm } from '../support/kill-storm.js';

/** `npm run simulate -- --storm` kills 20 workers under 50,000 events, which takes minutes. */
const EVENTS = 10_000;
const KILLS = 5;
const SEED = 20_261_122;

describe('workers that are killed again and again', () => {
  it('count every event exactly once, alone or in jobs of 100, each sent twice', async () => {
    const result = await killStorm({ events: EVENTS, kills: KILLS, seed: SEED });
    expect(result.counted).toEqual(result.sent);
    expect(result.spent).toEqual(result.sent);
    expect(result.identities).toBe(EVENTS);
    expect(result.differences).toEqual([]);
    // How many of the kills hit a worker at work depends on the machine; one that hits none proves nothing.
    expect(result.killedAtWork).toBeGreaterThan(0);
  });
});
