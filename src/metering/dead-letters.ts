/** What could not be counted, for an operator to look at, send again or give up. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../platform/clock.js';
import { UsageQueue } from '../platform/queues.js';
import { insertAuditEntries } from '../access/audit-log.js';
import { Database } from '../platform/database.js';
import {
  answerDeadLetters,
  countDeadLetters,
  findDeadLetter,
  findDeadLetters,
  insertDeadLetters,
  type DeadLetterRow,
  type LetterFilter,
  type NewDeadLetter,
} from './dead-letters.sql.js';

export type Answer = { readonly status: 'replayed' | 'discarded'; readonly actor: string };

export type BatchAnswer = {
  readonly answered: number;
  /** How many match still. */
  readonly remaining: number;
  /** Letters that were seen since then were left alone. */
  readonly to: Date;
};

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

  async list(page: { filter: LetterFilter; after: string | null; limit: number }): Promise<DeadLetterRow[]> {
    return findDeadLetters(this.database.reader, page);
  }

  /** Sends the event to the queue again, or gives it up; the letter stays to be read. */
  async answer(order: { id: string; entity: string | null } & Answer): Promise<DeadLetterRow> {
    const letter = await findDeadLetter(this.database.reader, order);
    if (letter === null) throw new TallyError('not_found', `no dead letter ${order.id}`, { param: 'id' });
    const marked = await this.answerAll([letter], order);
    if (marked.has(letter.id)) return { ...letter, status: order.status };
    return (await findDeadLetter(this.database.reader, order)) ?? letter;
  }

  /**
   * Answers those that match, last seen first, at most `limit` of them. A letter that comes back is seen again by then, so
   * whoever repeats the call until nothing remains gives each the same `to`.
   */
  async answerMatching(order: { filter: LetterFilter; limit: number } & Answer): Promise<BatchAnswer> {
    const to = order.filter.to ?? nextSecond(await new Clock().bookingTime(this.database.reader));
    const filter = { ...order.filter, to };
    const matching = await countDeadLetters(this.database.reader, filter);
    const letters = await findDeadLetters(this.database.reader, { filter, after: null, limit: order.limit });
    await this.answerAll(letters, order);
    return { answered: letters.length, remaining: Math.max(0, matching - letters.length), to };
  }

  /**
   * Returns the letters that now have this status. Events go to the queue first, and only then are letters marked: a crash
   * between them sends them twice, which counts once. A letter that was refused again by then stays open.
   */
  private async answerAll(
    letters: readonly DeadLetterRow[],
    { status, actor }: Answer,
  ): Promise<ReadonlySet<string>> {
    if (letters.length === 0) return new Set();
    if (status === 'replayed') await this.queue.add(letters.map(({ payload }) => JSON.parse(payload)));
    return this.database.transaction(async (tx) => {
      const marked = await answerDeadLetters(tx, letters, status);
      const changes = letters
        .filter(({ id }) => status === 'replayed' || marked.has(id))
        .map(({ id, entity, status: before }) => ({
          entity,
          target: id,
          before: { status: before },
          after: { status },
        }));
      const at = await this.clock.bookingTime(tx);
      await insertAuditEntries(tx, changes, { at, actor, action: `dead_letters.${status}` });
      return marked;
    });
  }
}

function nextSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000 + 1_000);
}
