/** Where counted events are, by their entity and identity. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

export type LocatedEvent = {
  readonly identity: string;
  readonly occurredAt: Date;
  readonly entity: EntityName;
  readonly project: ProjectName;
};

/** Entities that have reported from a source: those that an event of it may belong to. */
export async function findEntitiesOfSource(tx: Tx, source: string, limit: number): Promise<EntityName[]> {
  const rows = await tx.$queryRaw<{ entity: EntityName }[]>`
    select distinct entity from usage_origins where source = ${source}::text order by entity limit ${limit}::integer`;
  return rows.map((row) => row.entity);
}

/**
 * Where the events are. The identities know when each occurred for as long as they are kept; `occurredAt` says it for events that are
 * older.
 */
export async function locateEvents(
  tx: Tx,
  { of, occurredAt }: { of: readonly { entity: string; identity: string }[]; occurredAt: Date | null },
): Promise<LocatedEvent[]> {
  return tx.$queryRaw<LocatedEvent[]>`
    select e.identity::text, e.occurred_at as "occurredAt", e.entity, e.project
    from unnest(
      ${pgArray(of.map(({ entity }) => entity))}::text[], ${pgArray(of.map(({ identity }) => identity))}::uuid[]
    ) t (entity, identity)
    left join usage_identities i on i.identity = t.identity
    join rated_events e
      on e.entity = t.entity and e.occurred_at = coalesce(i.occurred_at, ${occurredAt}::timestamptz) and e.identity = t.identity`;
}

/** When the events of these identities occurred, also where they were dropped with their months: for as long as identities are kept. */
export async function findClaims(tx: Tx, identities: readonly string[]): Promise<Date[]> {
  const rows = await tx.$queryRaw<{ at: Date }[]>`
    select occurred_at as at from usage_identities where identity = any(${pgArray(identities)}::uuid[])`;
  return rows.map(({ at }) => at);
}
