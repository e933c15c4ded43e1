/** The chains of hashes that ledger and audit entries form. Triggers write them; the service reads them. Nothing here locks an entry. */
import { comparisonOf, type Order } from '../http/list-order.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import type { Tx } from '../platform/database.js';

export const CHAINED_LOGS = ['audit_log', 'ledger_entries'] as const;
export type ChainedLog = (typeof CHAINED_LOGS)[number];

/** Where a chain ends. Amounts of entries as text; hashes in hexadecimal. */
export type ChainHead = {
  /** '' for audit entries that concern no entity. */
  readonly entity: string;
  readonly log: ChainedLog;
  readonly entries: bigint;
  readonly lastId: bigint;
  readonly hash: string;
  readonly prunedEntries: bigint;
  readonly prunedId: bigint;
  readonly prunedHash: string;
};

const HEAD = Prisma.sql`
  h.entity, h.log, h.entries, h.last_id as "lastId", encode(h.hash, 'hex') as hash, h.pruned_entries as "prunedEntries",
  h.pruned_id as "prunedId", encode(h.pruned_hash, 'hex') as "prunedHash"`;

/** Heads that are not in the service's log yet; they count as logged once the transaction commits. Locks them, and waits for nobody. */
export async function takeHeads(tx: Tx, { limit }: { limit: number }): Promise<ChainHead[]> {
  return tx.$queryRaw<
    ChainHead[]
  >`select ${HEAD} from take_chain_heads(${limit}::integer) h order by h.entity, h.log`;
}

/** A page of heads, by entity and log. */
export async function findHeads(
  tx: Tx,
  of: {
    entity: string | null;
    log: ChainedLog | null;
    order?: Order;
    after: { entity: string; log: string } | null;
    limit: number;
  },
): Promise<ChainHead[]> {
  const { after, order = 'asc' } = of;
  const [direction, comparison] = [Prisma.raw(order), Prisma.raw(comparisonOf(order))];
  return tx.$queryRaw<ChainHead[]>`
    select ${HEAD} from chain_heads h
    where (${of.entity}::text is null or h.entity = ${of.entity}::text)
      and (${of.log}::text is null or h.log = ${of.log}::text)
      and (${after?.entity ?? null}::text is null
        or (h.entity, h.log) ${comparison} (${after?.entity ?? null}::text, ${after?.log ?? null}::text))
    order by h.entity ${direction}, h.log ${direction}
    limit ${of.limit}::integer`;
}

export async function findHead(
  tx: Tx,
  { entity, log }: { entity: string; log: ChainedLog },
): Promise<ChainHead | null> {
  const [head] = await tx.$queryRaw<ChainHead[]>`
    select ${HEAD} from chain_heads h where h.entity = ${entity}::text and h.log = ${log}::text`;
  return head ?? null;
}

/** The hash that an entry of a chain has; null where there is no such entry. */
export async function findHash(
  tx: Tx,
  { entity, log, id }: { entity: string; log: ChainedLog; id: bigint },
): Promise<string | null> {
  const [row] = await tx.$queryRaw<{ hash: string }[]>`
    select encode(e.hash, 'hex') as hash from ${tableOf(log)} e
    where e.id = ${id}::bigint and e.entity is not distinct from nullif(${entity}::text, '')`;
  return row?.hash ?? null;
}

/** Buckets of entities, as four hexadecimal digits, both included. */
type Buckets = { readonly from: string; readonly to: string };

/** The bucket of '', the chain of what concerns no entity. Its range also looks for entries that have no chain. */
const BUCKET_OF_NOBODY = 'e3b0';

/** The chains of a log whose entities lie between two buckets, and the entries that are in no chain: a forged entry has none. */
export async function findChainsBetween(
  tx: Tx,
  { log, buckets: { from, to } }: { log: ChainedLog; buckets: Buckets },
): Promise<string[]> {
  const strays = Prisma.sql`
    union
    select coalesce(e.entity, '') from ${tableOf(log)} e
    where not exists (select from chain_heads h where h.log = ${log}::text and h.entity = coalesce(e.entity, ''))`;
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    select h.entity from chain_heads h
    where h.log = ${log}::text
      and encode(substr(sha256(convert_to(h.entity, 'UTF8')), 1, 2), 'hex') between ${from}::text and ${to}::text
    ${from <= BUCKET_OF_NOBODY && BUCKET_OF_NOBODY <= to ? strays : Prisma.empty}
    order by 1`;
  return rows.map(({ entity }) => entity);
}

export type ChainBreaks = {
  /** Entries that the heads speak of, and entries that follow the one before them. */
  readonly left: string;
  readonly right: string;
  /** Key: the entity, and the id of the entry or `head`. Left: what is expected, right: what is there. */
  readonly differences: readonly Record<string, unknown>[];
};

/**
 * Walks chains of one log from where they begin: every entry must have the hash of its content and of the entry before it, and the last one
 * be the head's. Reads all of their entries.
 */
export async function walkChains(
  tx: Tx,
  of: { log: ChainedLog; entities: readonly string[]; differencesMax: number },
): Promise<ChainBreaks> {
  const [row] = await tx.$queryRaw<[ChainBreaks]>`
    with heads as (
      select * from chain_heads where log = ${of.log}::text and entity = any(${pgArray(of.entities)}::text[])
    ), entries as materialized (
      select coalesce(e.entity, '') as entity, e.id, e.hash, e as content, lag(e.hash) over (partition by e.entity order by e.id) as before
      from ${tableOf(of.log)} e
      where e.entity = any(${pgArray(of.entities)}::text[]) or (e.entity is null and '' = any(${pgArray(of.entities)}::text[]))
    ), walked as materialized (
      select e.entity, e.id, e.hash, chain_hash(coalesce(e.before, h.pruned_hash, ''), e.content) as expected
      from entries e left join heads h on h.entity = e.entity
    ), ends as (
      select entity, count(*) as entries, max(id) as last_id, (array_agg(hash order by id desc))[1] as hash
      from entries group by entity
    ), compared as (
      select entity, id::text as entry, encode(expected, 'hex') as expected, encode(hash, 'hex') as found
      from walked where hash <> expected
      union all
      select coalesce(h.entity, e.entity), 'head',
        case when h.entity is null then 'no head'
          else concat_ws(' ', h.entries - h.pruned_entries, 'entries up to', h.last_id, encode(h.hash, 'hex')) end,
        concat_ws(
          ' ', coalesce(e.entries, 0), 'entries up to', coalesce(e.last_id, h.pruned_id), encode(coalesce(e.hash, h.pruned_hash), 'hex')
        )
      from heads h full join ends e on e.entity = h.entity
      where (h.entries - h.pruned_entries, h.last_id, h.hash)
        is distinct from (coalesce(e.entries, 0), coalesce(e.last_id, h.pruned_id), coalesce(e.hash, h.pruned_hash))
    )
    select
      (select coalesce(sum(entries - pruned_entries), 0)::text from heads) as left,
      (select count(*)::text from walked where hash = expected) as right,
      (
        select coalesce(jsonb_agg(d), '[]') from (
          select jsonb_build_object('entity', entity, 'entry', entry) as key, expected as left, found as right
          from compared order by entity, length(entry), entry limit ${of.differencesMax}::integer
        ) d
      ) as differences`;
  return row;
}

/** Prunes the oldest entries of a chain of the audit log; the chain goes on from the last of them. Locks its head. */
export async function pruneAuditChain(
  tx: Tx,
  of: { entity: string; before: Date; limit: number },
): Promise<number> {
  const [row] = await tx.$queryRaw<[{ pruned: number }]>`
    select prune_audit_log(${of.entity}::text, ${of.before}::timestamptz, ${of.limit}::integer) as pruned`;
  return row.pruned;
}

function tableOf(log: ChainedLog): Prisma.Sql {
  return log === 'audit_log' ? Prisma.sql`audit_log` : Prisma.sql`ledger_entries`;
}
