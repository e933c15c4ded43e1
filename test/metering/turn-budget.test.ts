/** What wrong events take of the event loop, on which everybody else is answered. */
import { expect, it } from '@jest/globals';
import { readJob } from '../../src/metering/job-reading.js';
import { REFUSED_IN_A_TURN_MAX, TurnBudget } from '../../src/metering/turn-budget.js';
import { USAGE_EVENTS_MAX } from '@tally/client/protocol';

const NOW = new Date('2026-11-22T12:00:00Z');
const wrong = (count: number) => Array.from({ length: count }, (_, index) => ({ subject: 'e/p', index }));

it('wrong events of all jobs share turns of the event loop, so many in each, and right ones take none', async () => {
  const budget = new TurnBudget(REFUSED_IN_A_TURN_MAX);
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const jobs = [1, 2, 3].map((id) => ({
    id: String(id),
    name: 'usage',
    data: wrong(USAGE_EVENTS_MAX),
    addedAtMs: NOW.getTime(),
  }));
  const read = await Promise.all(jobs.map((job) => readJob(job, NOW, budget)));
  isDone = true;
  expect(read.map(({ deadLetters }) => deadLetters.length)).toEqual(jobs.map(() => USAGE_EVENTS_MAX));
  expect(turns).toBeGreaterThanOrEqual((3 * USAGE_EVENTS_MAX) / REFUSED_IN_A_TURN_MAX - 1);
});
