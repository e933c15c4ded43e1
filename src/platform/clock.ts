/** The only file that reads a clock. Everything that depends on time takes it from here. */
import { Injectable } from '@nestjs/common';
import { findBookingTime } from './booking-time.sql.js';
import type { Tx } from './database.js';

@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }

  /** The time that Redis scripts decide by: empty for the server's own. */
  redisNowMs(): string {
    return '';
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
}
