/** Conflicts: events that arrived again with other content than was counted. They are kept for review, and an admin may count them. */
import type { EventJson } from './event-json.js';
import { UNPRICED } from '../domain/price.js';
import type { UsageEvent } from '../domain/usage.js';
import { comparisonOf, type Order } from '../http/list-order.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';

export type Conflict = {
  readonly identity: string;
  readonly fingerprint: string;
  readonly event: UsageEvent;
  /** When the counted event occurred: where to find it. */
  readonly originalOccurredAt: Date;
};

/** Keeps each content once and counts its arrivals. A conflict that was reviewed stays reviewed: it says nothing new. */
export async function insertConflicts(tx: Tx, conflicts: readonly Conflict[], at: Date): Promise<void> {
  await tx.$executeRaw`
    insert into usage_conflicts as c (
      entity, identity, other_fingerprint, source, event_id, other_content, original_occurred_at,
      seen_count, first_seen_at, last_seen_at
    )
    select
      entity, identity, fingerprint, min(source), min(event_id), min(content)::jsonb, min(original_occurred_at),
      count(*), ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${pgArray(conflicts.map((c) => c.event.entity))}::text[],
      ${pgArray(conflicts.map((c) => c.identity))}::uuid[],
      ${pgArray(conflicts.map((c) => c.fingerprint))}::uuid[],
      ${pgArray(conflicts.map((c) => c.event.source))}::text[],
      ${pgArray(conflicts.map((c) => c.event.id))}::text[],
      ${pgArray(conflicts.map((c) => JSON.stringify(c.event)))}::text[],
      ${pgArray(conflicts.map((c) => c.originalOccurredAt))}::timestamptz[]
    ) as t (entity, identity, fingerprint, source, event_id, content, original_occurred_at)
    group by entity, identity, fingerprint
    order by entity, identity, fingerprint
    on conflict (entity, identity, other_fingerprint) do update set
      seen_count = c.seen_count + excluded.seen_count,
      last_seen_at = excluded.last_seen_at`;
}

/** Identifies a conflict: one identity may arrive with several other contents. `entity` is that of the other content. */
export type ConflictKey = {
  readonly entity: string;
  readonly identity: string;
  readonly fingerprint: string;
};

const HEX_OF_UUID = 32;

/** `conflict_`, 64 hexadecimal digits, a point and the entity. */
export function conflictIdOf({ entity, identity, fingerprint }: ConflictKey): string {
  return `conflict_${`${identity}${fingerprint}`.replaceAll('-', '')}.${entity}`;
}

export const CONFLICT_ID = /^conflict_([0-9a-f]{64})\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;

/** Null where the text is not the id of a conflict. */
export function parseConflictId(id: string): ConflictKey | null {
  const [, hex, entity] = CONFLICT_ID.exec(id) ?? [];
  if (hex === undefined || entity === undefined) return null;
  return { entity, identity: hex.slice(0, HEX_OF_UUID), fingerprint: hex.slice(HEX_OF_UUID) };
}

export type Review = {
  readonly reviewedAt: Date;
  /** The id of the API key that reviewed it. */
  readonly reviewedBy: string;
  readonly note: string | null;
  /** The id of the event under which it was counted after all; null where it was not. */
  readonly countedAs: string | null;
};

export type ConflictStatus = 'open' | 'reviewed' | 'counted';

export type ConflictRow = ConflictKey & {
  readonly source: string;
  readonly eventId: string;
  /** Null where the event is gone. */
  readonly counted: EventJson | null;
  readonly other: EventJson;
  readonly seenCount: bigint;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly reviewedAt: Date | null;
  readonly reviewedBy: string | null;
  readonly note: string | null;
  readonly countedAs: string | null;
  /** Digits, of the event that it was counted as, as first rated; null while that waits for a price too. */
  readonly costPicos: string | null;
};

export function statusOfConflict({
  reviewedAt,
  countedAs,
}: Pick<ConflictRow, 'reviewedAt' | 'countedAs'>): ConflictStatus {
  if (countedAs !== null) return 'counted';
  return reviewedAt === null ? 'open' : 'reviewed';
}

/** Null in any field is no condition. Times are those of the last arrival: from `from` on, before `to`. */
export type ConflictFilter = {
  readonly status: ConflictStatus | null;
  readonly entity: string | null;
  readonly project: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
};

/** Each conflict with the event that was counted first, which is of the same entity, and with the one that the other content was counted as. */
const CONFLICTS = Prisma.sql`
    select
      c.identity::text, c.other_fingerprint::text as fingerprint, c.entity, c.source, c.event_id as "eventId",
      c.other_content as other,
      case when e.identity is not null then event_content(e) end as counted,
      c.seen_count as "seenCount", c.first_seen_at as "firstSeenAt", c.last_seen_at as "lastSeenAt",
      c.reviewed_at as "reviewedAt", c.reviewed_by as "reviewedBy", c.review_note as note,
      c.counted_as as "countedAs", a.cost_picos::text as "costPicos"
    from usage_conflicts c
    left join rated_events e
      on e.entity = c.entity and e.occurred_at = c.original_occurred_at and e.identity = c.identity
    left join rated_events a
      on a.entity = c.entity and a.occurred_at = (c.other_content ->> 'occurredAt')::timestamptz
      and a.source = c.source and a.id = c.counted_as and a.rate_id <> ${UNPRICED}`;

const matching = (filter: ConflictFilter) => Prisma.sql`
  (${filter.status}::text is null or ${filter.status}::text = case
    when c.counted_as is not null then 'counted' when c.reviewed_at is not null then 'reviewed' else 'open' end)
  and (${filter.entity}::text is null or c.entity = ${filter.entity}::text)
  and (${filter.project}::text is null or c.other_content ->> 'project' = ${filter.project}::text)
  and (${filter.from}::timestamptz is null or c.last_seen_at >= ${filter.from}::timestamptz)
  and (${filter.to}::timestamptz is null or c.last_seen_at < ${filter.to}::timestamptz)`;

/** A page of conflicts, by when they were seen last; `after` is the last one of the page before. */
export async function findConflicts(
  tx: Tx,
  page: { filter: ConflictFilter; order: Order; after: ConflictKey | null; limit: number },
): Promise<ConflictRow[]> {
  const { filter, after } = page;
  const [direction, comparison] = [Prisma.raw(page.order), Prisma.raw(comparisonOf(page.order))];
  return tx.$queryRaw<ConflictRow[]>`
    ${CONFLICTS}
    where ${matching(filter)}
      and (${after?.identity ?? null}::uuid is null
        or (c.last_seen_at, c.identity, c.other_fingerprint) ${comparison} (
          select l.last_seen_at, l.identity, l.other_fingerprint from usage_conflicts l
          where l.entity = ${after?.entity ?? null}::text and l.identity = ${after?.identity ?? null}::uuid
            and l.other_fingerprint = ${after?.fingerprint ?? null}::uuid
        ))
    order by c.last_seen_at ${direction}, c.identity ${direction}, c.other_fingerprint ${direction}
    limit ${page.limit}::integer`;
}

export async function countConflicts(tx: Tx, filter: ConflictFilter): Promise<number> {
  const [row] = await tx.$queryRaw<[{ count: bigint }]>`
    select count(*) as count from usage_conflicts c where ${matching(filter)}`;
  return Number(row.count);
}

export type ChosenConflict = ConflictKey & {
  readonly project: string;
  /** As text, to the microsecond. */
  readonly lastSeenAt: string;
};

/** Those that match, last seen first, behind `after` as it was chosen. */
export async function chooseConflicts(
  tx: Tx,
  page: { filter: ConflictFilter; after: ChosenConflict | null; limit: number },
): Promise<ChosenConflict[]> {
  const { after } = page;
  return tx.$queryRaw<ChosenConflict[]>`
    select
      c.entity, c.identity::text, c.other_fingerprint::text as fingerprint, c.other_content ->> 'project' as project,
      c.last_seen_at::text as "lastSeenAt"
    from usage_conflicts c
    where ${matching(page.filter)}
      and (${after?.identity ?? null}::uuid is null
        or (c.last_seen_at, c.identity, c.other_fingerprint)
          < (${after?.lastSeenAt ?? null}::timestamptz, ${after?.identity ?? null}::uuid, ${after?.fingerprint ?? null}::uuid))
    order by c.last_seen_at desc, c.identity desc, c.other_fingerprint desc
    limit ${page.limit}::integer`;
}

/** Null where the scope has none. */
export async function findConflict(
  tx: Tx,
  { key, scope }: { key: ConflictKey; scope: string | null },
): Promise<ConflictRow | null> {
  const rows = await tx.$queryRaw<ConflictRow[]>`
    ${CONFLICTS}
    where c.entity = ${key.entity}::text and c.identity = ${key.identity}::uuid
      and c.other_fingerprint = ${key.fingerprint}::uuid and (${scope}::text is null or c.entity = ${scope}::text)`;
  return rows[0] ?? null;
}

export type ReviewBefore = {
  readonly entity: string;
  readonly reviewedBy: string | null;
  readonly note: string | null;
};

/** Marks a conflict as reviewed and returns the review that this one replaces; null where the scope has no such conflict. */
export async function reviewConflict(
  tx: Tx,
  { key, scope, review }: { key: ConflictKey; scope: string | null; review: Review },
): Promise<ReviewBefore | null> {
  const rows = await tx.$queryRaw<ReviewBefore[]>`
    with before as materialized (
      select entity, identity, other_fingerprint, reviewed_by, review_note
      from usage_conflicts
      where entity = ${key.entity}::text and identity = ${key.identity}::uuid
        and other_fingerprint = ${key.fingerprint}::uuid and (${scope}::text is null or entity = ${scope}::text)
      for update
    )
    update usage_conflicts c set
      reviewed_at = ${review.reviewedAt}::timestamptz,
      reviewed_by = ${review.reviewedBy}::text,
      review_note = ${review.note}::text,
      counted_as = coalesce(c.counted_as, ${review.countedAs}::text)
    from before b
    where c.entity = b.entity and c.identity = b.identity and c.other_fingerprint = b.other_fingerprint
    returning b.entity, b.reviewed_by as "reviewedBy", b.review_note as note`;
  return rows[0] ?? null;
}

/** Locks the entity as a batch does, but waits for it: an admin's change is not set aside. */
export async function lockConflictEntity(tx: Tx, entity: string): Promise<void> {
  await tx.$queryRaw`select from entities where name = ${entity}::text for no key update`;
}
