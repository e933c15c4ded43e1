/** Accounts: entities and projects are created when they are first seen, and locked before money moves. */
import { pgArray } from '../platform/pg-array.js';
import type { Subject } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { DEFAULT_PLAN } from './default-plan.js';

/** Creates the entities and projects that do not exist yet, in key order, on the default plan. */
export async function ensureAccounts(tx: Tx, subjects: readonly Subject[], at: Date): Promise<void> {
  await tx.$executeRaw`
    with named as (
      select distinct entity, project
      from unnest(
        ${pgArray(subjects.map(({ entity }) => entity))}::text[],
        ${pgArray(subjects.map(({ project }) => project))}::text[]
      ) as t (entity, project)
    ), made as (
      insert into entities (name, plan, created_at)
      select distinct entity, ${DEFAULT_PLAN}::text, ${at}::timestamptz from named order by entity
      on conflict (name) do nothing
    )
    insert into projects (entity, name, created_at)
    select entity, project, ${at}::timestamptz from named order by entity, project
    on conflict (entity, name) do nothing`;
}

/**
 * Locks accounts in name order, so that transactions that share accounts do not deadlock. Everything that moves an entity's money
 * holds this lock. It is taken in a statement of its own, because a statement that waits for a lock sees other rows as they were
 * before the wait: grants, burns and spend are read in later statements.
 */
export async function lockAccounts(tx: Tx, entities: readonly string[]): Promise<void> {
  await tx.$queryRaw`
    select name from entities
    where name = any(${pgArray(entities)}::text[])
    order by name
    for no key update`;
}

/** Raises the version of locked accounts, which marks their states in Redis as outdated. */
export async function raiseVersions(tx: Tx, entities: readonly string[]): Promise<void> {
  await tx.$executeRaw`
    update entities set version = version + 1
    where name = any(${pgArray(entities)}::text[])`;
}
