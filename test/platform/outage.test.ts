import { beforeEach, describe, expect, it } from '@jest/globals';
import { DeadlineError } from '../../src/platform/deadline.js';
import { isOutage, RecentOutage } from '../../src/platform/outage.js';
import { Unavailable } from '../../src/platform/unavailable.js';
import { TestClock } from '../support/test-clock.js';

let clock: TestClock;
let outage: RecentOutage;
beforeEach(() => {
  clock = new TestClock();
  outage = new RecentOutage(clock, 1_000);
});

describe('an outage', () => {
  it('is recent for the given time after it was last seen', () => {
    expect(outage.isRecent()).toBe(false);
    outage.see();
    expect(outage.isRecent()).toBe(true);
    clock.advance(999);
    expect(outage.isRecent()).toBe(true);
    outage.see();
    clock.advance(999);
    expect(outage.isRecent()).toBe(true);
    clock.advance(1);
    expect(outage.isRecent()).toBe(false);
  });

  it('ends with an answer', () => {
    outage.see();
    outage.end();
    expect(outage.isRecent()).toBe(false);
  });

  it('is prolonged by one who asks whether it has ended, and only where it has not', () => {
    outage.prolong();
    expect(outage.isRecent()).toBe(false);
    outage.see();
    clock.advance(1_000);
    outage.prolong();
    expect(outage.isRecent()).toBe(true);
    outage.end();
    outage.prolong();
    expect(outage.isRecent()).toBe(false);
  });

  it('that nobody has seen for five times that time is over, and not prolonged', () => {
    outage.see();
    clock.advance(4_999);
    outage.prolong();
    expect(outage.isRecent()).toBe(true);
    clock.advance(5_000);
    outage.prolong();
    expect(outage.isRecent()).toBe(false);
  });

  it('is not prolonged by a clock that is set back', () => {
    outage.see();
    clock.advance(-1);
    expect(outage.isRecent()).toBe(false);
  });

  it('is what an unavailable server and a late answer show, and no other error does', () => {
    expect(isOutage(new Unavailable('postgres', 'refused'))).toBe(true);
    expect(isOutage(new DeadlineError(250))).toBe(true);
    expect(isOutage(new Error('of ours'))).toBe(false);
  });
});
