/** Events that could not be counted, for an operator to look at, replay or discard. */
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { insertAuditEntries } from '../access/audit-log.js';
import { TallyError } from '../domain/errors.js';
import { parseSubject } from '../domain/ids.js';
import { behind, type Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import type { DeadLetter, Prisma } from '../platform/prisma/client.js';
import { UsageQueue } from '../platform/queues.js';
import {
  OVERSIZED_JOB,
  type ChosenDeadLetter,
  type DeadLetterFilter,
  type DeadLetterRow,
  type Mending,
  type NewDeadLetter,
  type Resolution,
} from './dead-letter.js';
import { withDataRead } from './cloudevents-binding.js';
import { partsOf } from './job-reading.js';
import {
  findPayloadBytes,
  findPayloads,
  insertDeadLetters,
  keyOfDeadLetter,
  resolveDeadLetters,
} from './dead-letters.sql.js';
import { requireKnown } from '../access/known-entities.js';

/** Dead letters of one transaction, and the bytes of their events, which are in memory together. */
const CHOSEN_MAX = 500;
const CHOSEN_BYTES_MAX = 4_194_304;

type Seen = Pick<DeadLetterRow, 'id' | 'lastSeenAt'>;

type Choice = { readonly filter: DeadLetterFilter; readonly after: Seen | null; readonly limit: number };

type Page = {
  readonly filter: DeadLetterFilter;
  readonly order: Order;
  readonly after: string | null;
  readonly limit: number;
};

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

  /** By when they were seen last; `after` is the last id of the page before. Throws where that is none of those that are asked for. */
  async list({ filter, order, after, limit }: Page): Promise<DeadLetterRow[]> {
    const { deadLetter } = this.database.reader;
    const last = await cursorRow(after, async (id) => {
      const row = await this.find({ id, entity: filter.entity });
      return row !== null && isOf(row, filter) ? row : null;
    });
    const rows = await deadLetter.findMany({
      where: { ...matching(filter), ...(last !== null && seenBehind(last, order)) },
      orderBy: [{ lastSeenAt: order }, { id: order }],
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

  /** Throws `not_found` for an entity that does not exist and that no dead letter names: some exist as dead letters alone. */
  async requireSome({ entity }: Pick<DeadLetterFilter, 'entity'>): Promise<void> {
    const { reader } = this.database;
    if (entity === null || (await reader.deadLetter.findFirst({ where: { entity }, select: { id: true } })))
      return;
    await requireKnown(reader, entity);
  }

  /** How many match. */
  count(filter: DeadLetterFilter): Promise<number> {
    return this.database.reader.deadLetter.count({ where: matching(filter) });
  }

  /** Those that match, last seen first, from `after` on, as many as a transaction may resolve: by their number and the bytes of their events. */
  async choose({ filter, after, limit }: Choice): Promise<(ChosenDeadLetter & Seen)[]> {
    const { reader } = this.database;
    const rows = await reader.deadLetter.findMany({
      where: { ...matching(filter), ...(after !== null && seenBehind(after, 'desc')) },
      orderBy: [{ lastSeenAt: 'desc' }, { id: 'desc' }],
      take: Math.min(limit, CHOSEN_MAX),
      select: { entity: true, id: true, status: true, seenCount: true, lastSeenAt: true },
    });
    const bytes = await findPayloadBytes(reader, rows);
    let sum = 0;
    const count = bytes.findIndex((each) => (sum += each) > CHOSEN_BYTES_MAX);
    const chosen = count === -1 ? rows : rows.slice(0, Math.max(1, count));
    return chosen.map((row) => ({
      id: row.id,
      seenCount: row.seenCount,
      lastSeenAt: row.lastSeenAt,
      ...namesOf(row),
    }));
  }

  /**
   * Sends their events to the queue, before they are marked: a crash in between sends them twice, and they count once. Under the same `once` the
   * same events are sent once, however many ask. One that was replayed or discarded meanwhile is not sent. Returns those that were sent. Throws
   * Unavailable.
   */
  async send<Letter extends ChosenDeadLetter>(
    deadLetters: readonly Letter[],
    { mending, once = null }: { mending: Mending | null; once?: string | null },
  ): Promise<Letter[]> {
    const rows = await findPayloads(this.database.reader, deadLetters);
    const ids = rows.map(({ id }) => id);
    // Where one is gone or has another status, the events are no longer those that were sent before.
    const name =
      once === null
        ? null
        : createHash('sha256')
            .update([once, ...ids].join(' '))
            .digest('hex');
    for (const [place, part] of partsOf(mended(rows.flatMap(eventsOf), mending)).entries())
      await this.queue.add(part, undefined, { once: name === null ? null : `${name}.${place}` });
    const sent = new Set(ids);
    return deadLetters.filter(({ id }) => sent.has(id));
  }

  /**
   * Marks those that are as they were chosen, and returns how many were answered: a dead letter whose event was sent and refused again by
   * then stays open, and was answered all the same. `concerning` is said of each in the audit log, where one that names no entity stands with
   * the one that it is charged to.
   */
  async mark(
    tx: Tx,
    deadLetters: readonly ChosenDeadLetter[],
    { status, actor, mending }: Resolution,
    concerning: Readonly<Record<string, unknown>> = {},
  ): Promise<number> {
    if (deadLetters.length === 0) return 0;
    const marked = await resolveDeadLetters(tx, deadLetters, status);
    const answered = deadLetters.filter(({ id }) => status === 'replayed' || marked.has(id));
    const payer = parseSubject(mending?.subject ?? '')?.entity ?? null;
    const changes = answered.map(({ id, entity, status: before }) => ({
      entity: entity ?? payer,
      target: id,
      before: { status: before },
      after: { status, ...(mending !== null && { mended: auditOf(mending) }), ...concerning },
    }));
    const at = await this.clock.bookingTime(tx);
    await insertAuditEntries(tx, changes, { at, actor, action: `dead_letters.${status}` });
    return answered.length;
  }

  /** Marks one, and returns it as it is then. */
  async resolve(tx: Tx, deadLetter: DeadLetterRow, resolution: Resolution): Promise<DeadLetterRow> {
    await this.mark(tx, [deadLetter], resolution);
    const key = keyOfDeadLetter(deadLetter.id);
    const row = await tx.deadLetter.findUnique({ where: { entity_id: key } });
    return row === null ? deadLetter : toRow(row);
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

function seenBehind({ id, lastSeenAt }: Seen, order: Order): Prisma.DeadLetterWhereInput {
  return { OR: [{ lastSeenAt: behind(lastSeenAt, order) }, { lastSeenAt, id: behind(id, order) }] };
}

function eventsOf({ code, payload }: Pick<DeadLetterRow, 'code' | 'payload'>): unknown[] {
  const content: unknown = JSON.parse(payload);
  return code === OVERSIZED_JOB ? (content as unknown[]) : [content];
}

/** By the names that a replay gives them. */
function auditOf({ usageFormat, subject, time, model }: Mending): Record<string, unknown> {
  return { usage_format: usageFormat, subject, time, model };
}

/** What is no object stays as it is: it names no field that could be mended. */
function mended(events: readonly unknown[], mending: Mending | null): readonly unknown[] {
  if (mending === null) return events;
  const { usageFormat, subject, time, model } = mending;
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
    return {
      ...read,
      ...(subject !== null && { subject }),
      ...(time !== null && { time }),
      ...(isDataMended && { data }),
    };
  });
}

function toRow(row: DeadLetter): DeadLetterRow {
  return { ...row, ...namesOf(row) };
}

function namesOf({ entity, status }: Pick<DeadLetter, 'entity' | 'status'>) {
  return { entity: entity || null, status: status as DeadLetterRow['status'] };
}
