import { expect, it } from '@jest/globals';
import { parseEvent } from '../../src/metering/event-validation.js';
import { anEventBody } from '../support/builders.js';

const DAY_MS = 24 * 3_600_000;
const NOW = new Date('2026-11-22T12:00:00Z');

const isTaken = (ageDays: number, waitedDays: number) =>
  parseEvent(
    anEventBody({ time: new Date(NOW.getTime() - ageDays * DAY_MS).toISOString() }),
    NOW,
    NOW.getTime() - waitedDays * DAY_MS,
  ).ok;

it('what an event waited in the queue is not held against it, for up to six days and by no producer’s clock', () => {
  expect(isTaken(35, 0)).toBe(true);
  expect(isTaken(36, 0)).toBe(false);
  expect(isTaken(40, 6)).toBe(true);
  expect(isTaken(42, 6)).toBe(false);
  // A producer whose clock stands at 1970 or in the future.
  expect(isTaken(41, 20_000)).toBe(true);
  expect(isTaken(42, 20_000)).toBe(false);
  expect(isTaken(35, -400)).toBe(true);
  expect(isTaken(36, -400)).toBe(false);
});
