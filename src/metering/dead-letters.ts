/** Events that could not be counted, for an operator to look at, replay or discard. */
import { Injectable } from '@nestjs/common';
import { insertAuditEntries } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import type { DeadLetter, Prisma } from '../platform/prisma/client.js';
import { UsageQueue } from '../platform/queues.js';
import {
  OVERSIZED_JOB,
  type DeadLetterFilter,
  type DeadLetterRow,
  type Mending,
  type NewDeadLetter,
} from './dead-letter.js';
import { withDataRead } from './cloudevents-binding.js';
import { partsOf } from './job-reading.js';
import { insertDeadLetters, keyOfDeadLetter, resolveDeadLetters } from './dead-letters.sql.js';

export type Resolution = {
  readonly status: 'replayed' | 'discarded';
  readonly actor: string;
  readonly mending: Mending | null;
};

export type BatchResolution = {
  readonly answered: number;
  /** How many still match. */
  readonly remaining: number;
  /** Dead letters that arrived again since then were left alone. */
  readonly to: Date;
};

type Page = { readonly filter: DeadLetterFilter; readonly after: string | null; readonly limit: number };

@Injectable()
export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly queue: UsageQueue,
    private readonly clock: Clock,
  ) {}

  async keep(deadLetters: readonly NewDeadLetter[]): Promise<void> {
    if (deadLetters.length > 0) await this.database.transaction((tx) => insertDeadLetters(tx, deadLetters));
  }

  /** Last seen first; `after` is the last id of the page before. Throws where that is none of those that are asked for. */
  async list({ filter, after, limit }: Page): Promise<DeadLetterRow[]> {
    const { deadLetter } = this.database.reader;
    const last = await cursorRow(after, async (id) => {
      const row = await this.find({ id, entity: filter.entity });
      return row !== null && isOf(row, filter) ? row : null;
    });
    const rows = await deadLetter.findMany({
      where: { ...matching(filter), ...(last !== null && seenBefore(last)) },
      orderBy: [{ lastSeenAt: 'desc' }, { id: 'desc' }],
      take: limit,
    });
    return rows.map(toRow);
  }

  /** Throws `not_found` where the scope has none. */
  async get(of: { id: string; entity: string | null }): Promise<DeadLetterRow> {
    const deadLetter = await this.find(of);
    if (deadLetter === null) throw new TallyError('not_found', `no dead letter ${of.id}`, { param: 'id' });
    return deadLetter;
  }

  /** Sends the event to the queue again, mended where that is asked for, or discards it; the dead letter can still be read. */
  async resolve(order: { id: string; entity: string | null } & Resolution): Promise<DeadLetterRow> {
    const deadLetter = await this.get(order);
    const resolved = await this.resolveAll([deadLetter], order);
    if (resolved.has(deadLetter.id)) return { ...deadLetter, status: order.status };
    return (await this.find(order)) ?? deadLetter;
  }

  /**
   * Resolves those that match, last seen first, at most `limit` of them. A dead letter that arrives again meanwhile is seen
   * later, so a caller that repeats the call until nothing remains passes the same `to` each time.
   */
  async resolveMatching(
    order: { filter: DeadLetterFilter; limit: number } & Resolution,
  ): Promise<BatchResolution> {
    // Arrivals are stamped by the database's own clock, whatever clock the app was given.
    const to = order.filter.to ?? nextSecond(await new Clock().bookingTime(this.database.reader));
    const filter = { ...order.filter, to };
    const count = await this.database.reader.deadLetter.count({ where: matching(filter) });
    const deadLetters = await this.list({ filter, after: null, limit: order.limit });
    await this.resolveAll(deadLetters, order);
    return { answered: deadLetters.length, remaining: Math.max(0, count - deadLetters.length), to };
  }

  /**
   * Returns the ids of those that have this status now. Events go to the queue before their dead letters are marked: a crash
   * in between sends them twice, and they count once. A dead letter whose event was refused again by then stays open.
   */
  private async resolveAll(
    deadLetters: readonly DeadLetterRow[],
    { status, actor, mending }: Resolution,
  ): Promise<ReadonlySet<string>> {
    if (deadLetters.length === 0) return new Set();
    if (status === 'replayed')
      for (const part of partsOf(mended(deadLetters.flatMap(eventsOf), mending))) await this.queue.add(part);
    return this.database.transaction(async (tx) => {
      const resolved = await resolveDeadLetters(tx, deadLetters, status);
      const changes = deadLetters
        .filter(({ id }) => status === 'replayed' || resolved.has(id))
        .map(({ id, entity, status: before }) => ({
          entity,
          target: id,
          before: { status: before },
          after: mending === null ? { status } : { status, mended: { ...mending } },
        }));
      const at = await this.clock.bookingTime(tx);
      await insertAuditEntries(tx, changes, { at, actor, action: `dead_letters.${status}` });
      return resolved;
    });
  }

  /** Null where there is none in the scope. */
  private async find(of: { id: string; entity: string | null }): Promise<DeadLetterRow | null> {
    const key = keyOfDeadLetter(of.id);
    if (of.entity !== null && of.entity !== key.entity) return null;
    const row = await this.database.reader.deadLetter.findUnique({ where: { entity_id: key } });
    return row === null ? null : toRow(row);
  }
}

/** Whether it was ever one of those: its status and when it was seen may have changed since the page before. */
function isOf(row: DeadLetterRow, { project, code }: DeadLetterFilter): boolean {
  return (project === null || row.project === project) && (code === null || row.code === code);
}

function matching({ from, to, ...equal }: DeadLetterFilter): Prisma.DeadLetterWhereInput {
  return {
    ...(equal.status !== null && { status: equal.status }),
    ...(equal.entity !== null && { entity: equal.entity }),
    ...(equal.project !== null && { project: equal.project }),
    ...(equal.code !== null && { code: equal.code }),
    ...(equal.reason !== null && { message: { contains: equal.reason, mode: 'insensitive' } }),
    lastSeenAt: { ...(from !== null && { gte: from }), ...(to !== null && { lt: to }) },
  };
}

function seenBefore({ id, lastSeenAt }: DeadLetterRow): Prisma.DeadLetterWhereInput {
  return { OR: [{ lastSeenAt: { lt: lastSeenAt } }, { lastSeenAt, id: { lt: id } }] };
}

function eventsOf({ code, payload }: DeadLetterRow): unknown[] {
  const content: unknown = JSON.parse(payload);
  return code === OVERSIZED_JOB ? (content as unknown[]) : [content];
}

/** What is no object stays as it is: it names no field that could be mended. */
function mended(events: readonly unknown[], mending: Mending | null): readonly unknown[] {
  if (mending === null) return events;
  const { usageFormat, time, model } = mending;
  return events.map((event) => {
    if (typeof event !== 'object' || event === null || Array.isArray(event)) return event;
    const read = withDataRead(event) as { data?: unknown };
    const isObject = typeof read.data === 'object' && read.data !== null && !Array.isArray(read.data);
    const data = {
      ...(isObject ? (read.data as object) : {}),
      ...(usageFormat !== null && { usage_format: usageFormat }),
      ...(model !== null && { model }),
    };
    const isDataMended = usageFormat !== null || model !== null;
    return { ...read, ...(time !== null && { time }), ...(isDataMended && { data }) };
  });
}

function toRow(row: DeadLetter): DeadLetterRow {
  return { ...row, entity: row.entity || null, status: row.status as DeadLetterRow['status'] };
}

function nextSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000 + 1_000);
}
