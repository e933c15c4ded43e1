/** A clock that a test sets: the same time for the process, for Redis and for booking in Postgres. */
import { Clock } from '../../src/platform/clock.js';

export class TestClock extends Clock {
  constructor(private time = new Date('2026-11-22T12:00:00Z')) {
    super();
  }

  override now(): Date {
    return this.time;
  }

  override redisNowMs(): string {
    return String(this.time.getTime());
  }

  override databaseNow(): Date {
    return this.time;
  }

  set(time: Date | string): void {
    this.time = new Date(time);
  }

  advance(ms: number): void {
    this.time = new Date(this.time.getTime() + ms);
  }
}
