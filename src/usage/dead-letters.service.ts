/** What could not be counted, for an operator to look at, send again or give up. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../infra/clock.js';
import { UsageQueue } from '../infra/queues.js';
import { insertAuditEntry } from '../store/audit-log.js';
import { bookingTime } from '../store/booking-time.js';
import { Database } from '../store/database.js';
import {
  findDeadLetters,
  insertDeadLetters,
  lockDeadLetter,
  setDeadLetterStatus,
  type DeadLetterRow,
  type DeadLetterStatus,
  type NewDeadLetter,
} from '../store/dead-letters.js';
import { findConflicts, type ConflictRow } from '../store/usage-conflicts.js';

export type Answer = { readonly id: string; readonly entity: string | null; readonly actor: string };

@Injectable()
export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly queue: UsageQueue,
    private readonly clock: Clock,
  ) {}

  async keep(letters: readonly NewDeadLetter[]): Promise<void> {
    if (letters.length > 0) await this.database.transaction((tx) => insertDeadLetters(tx, letters));
  }

  async list(args: {
    status: DeadLetterStatus | null;
    entity: string | null;
    limit: number;
  }): Promise<DeadLetterRow[]> {
    return findDeadLetters(this.database.reader, args);
  }

  async conflicts(args: { entity: string | null; limit: number }): Promise<ConflictRow[]> {
    return findConflicts(this.database.reader, args);
  }

  /** Sends the event to the queue again, and only then marks the letter: a crash between them sends it twice, which counts once. */
  async replay(answer: Answer): Promise<DeadLetterRow> {
    const letter = await this.find(answer);
    await this.queue.add([JSON.parse(letter.payload)]);
    return this.mark(answer, { letter, status: 'replayed' });
  }

  /** Gives the event up; the letter stays to be read. */
  async discard(answer: Answer): Promise<DeadLetterRow> {
    return this.mark(answer, { letter: await this.find(answer), status: 'discarded' });
  }

  private async find(answer: Answer): Promise<DeadLetterRow> {
    const letter = await lockDeadLetter(this.database.reader, answer);
    if (letter === null) throw new TallyError('not_found', `no dead letter ${answer.id}`, { param: 'id' });
    return letter;
  }

  /** A letter that came back since it was read keeps its status: it was refused again. */
  private mark(
    answer: Answer,
    { letter, status }: { letter: DeadLetterRow; status: DeadLetterStatus },
  ): Promise<DeadLetterRow> {
    return this.database.transaction(async (tx) => {
      const now = await lockDeadLetter(tx, answer);
      if (now === null || now.seenCount !== letter.seenCount) return now ?? letter;
      await setDeadLetterStatus(tx, { id: letter.id, status });
      await insertAuditEntry(tx, {
        at: await bookingTime(tx, this.clock.databaseNow()),
        actor: answer.actor,
        action: `dead_letters.${status}`,
        entity: letter.entity,
        target: letter.id,
        before: { status: letter.status },
        after: { status },
      });
      return { ...letter, status };
    });
  }
}
