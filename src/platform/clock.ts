/** The only file that reads a clock. Everything that depends on time takes it from here. */
import { Injectable } from '@nestjs/common';

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

  /** The time that BullMQ goes by, in milliseconds: always the machine's, for its scripts take no other. */
  queueNowMs(): number {
    return Date.now();
  }
}
