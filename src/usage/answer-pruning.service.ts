/** Forgets the answers to idempotency keys that nobody repeats any more. */
import { Injectable } from '@nestjs/common';
import { Clock } from '../infra/clock.js';
import { bookingTime } from '../store/booking-time.js';
import { Database } from '../store/database.js';
import { pruneAnswers } from '../store/idempotency.js';

/** For how long the same key gets the same answer. */
const KEPT_MS = 30 * 24 * 3_600_000;

/** Answers that one statement deletes. */
const PAGE_ANSWERS = 10_000;

@Injectable()
export class AnswerPruning {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Deletes answers that were given too long ago, and returns how many. Safe twice, late, and at once. */
  async prune(): Promise<number> {
    const now = await bookingTime(this.database.reader, this.clock.databaseNow());
    const givenBefore = new Date(now.getTime() - KEPT_MS);
    for (let pruned = 0; ;) {
      const page = await pruneAnswers(this.database.reader, { givenBefore, limit: PAGE_ANSWERS });
      pruned += page;
      if (page < PAGE_ANSWERS) return pruned;
    }
  }
}
