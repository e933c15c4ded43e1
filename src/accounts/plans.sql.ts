/** Locks on plans, and the move of an entity from one plan to another. */
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';

/** Serializes changes of plans: nothing changes between what a change reads and what it writes. */
export async function lockPlanChanges(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('plan changes', 0))::text`;
}

/** Locks plans against changes, in name order, so that their versions stay the same while an entity moves between them. */
export async function lockPlans(tx: Tx, plans: readonly string[]): Promise<void> {
  await tx.$queryRaw`
    select name from plans
    where name = any(${pgArray(plans)}::text[])
    order by name
    for share`;
}

/**
 * Moves a locked entity to a plan whose row is locked too. A quota state's version is the entity's plus its plan's.
 * It must never fall, so the entity's version rises by the difference where the new plan's version is the lower one.
 */
export async function moveToPlan(tx: Tx, args: { entity: string; plan: string }): Promise<void> {
  await tx.$executeRaw`
    update entities e set
      plan = new.name,
      version = e.version + 1 + greatest(old.version - new.version, 0)
    from plans old, plans new
    where e.name = ${args.entity}::text and old.name = e.plan and new.name = ${args.plan}::text`;
}
