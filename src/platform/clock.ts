/**
 * The only file that reads a clock. Everything that depends on time takes it from here, and it is Postgres': the machines' clocks
 * and Redis' differ from it and from each other, and then a purchase would not count, or an event would be too old.
 */
import { Injectable } from '@nestjs/common';
import { findBookingTime } from './booking-time.sql.js';
import { ClockOffset } from './clock-offset.js';
import type { Tx } from './database.js';

/** A smaller step back is a correction of the measurement, and time stands still for it. */
const STEP_BACK_MS_MAX = 1_000;

@Injectable()
export class Clock {
  private readonly offset = new ClockOffset(Date.now() - performance.now());
  private lastMs = 0;

  /** Postgres' time as this process knows it, also while Postgres is unavailable. The machine's until it has been asked once. */
  now(): Date {
    return new Date(this.nowMs());
  }

  /** The time that Redis scripts decide by. None reads the server's own. */
  redisNowMs(): string {
    return String(this.nowMs());
  }

  /** The time that Postgres books by: null for the server's own. */
  databaseNow(): Date | null {
    return null;
  }

  /** When what this transaction writes is booked: its start by Postgres' clock. */
  bookingTime(tx: Tx): Promise<Date> {
    return findBookingTime(tx, this.databaseNow());
  }

  /** The time that BullMQ goes by, in milliseconds: always the machine's, for its scripts take no other. */
  queueNowMs(): number {
    return Date.now();
  }

  /** Asks Postgres what time it is. Throws Unavailable. */
  async synchronize(postgres: { nowMs(): Promise<number> }): Promise<void> {
    const sentMs = performance.now();
    const serverMs = await postgres.nowMs();
    this.offset.learn({ sentMs, serverMs, receivedMs: performance.now() });
  }

  /** How far another clock is ahead, in milliseconds: its time was read somewhere between the two monotonic ones. */
  differenceMs(other: { timeMs: number; sentMs: number; receivedMs: number }): number {
    return other.timeMs - ((other.sentMs + other.receivedMs) / 2 + this.offset.valueMs);
  }

  private nowMs(): number {
    const nowMs = Math.floor(performance.now() + this.offset.valueMs);
    const isCorrection = nowMs < this.lastMs && nowMs > this.lastMs - STEP_BACK_MS_MAX;
    if (!isCorrection) this.lastMs = nowMs;
    return this.lastMs;
  }
}
