/** Accounts: what a transaction that moves money does to entities and projects. */
import { Injectable } from '@nestjs/common';
import { isKnown, requireKnown } from '../access/known-entities.js';
import type { EntityName, Subject } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { ensureAccounts, lockAccounts, raiseVersions } from './accounts.sql.js';
import { DEFAULT_PLAN } from './default-plan.js';

@Injectable()
export class Accounts {
  /** Creates the entities and projects that do not exist yet, on the default plan. */
  async ensure(tx: Tx, subjects: readonly Subject[], at: Date): Promise<void> {
    await ensureAccounts(tx, subjects, at);
  }

  /** Creates the entity if it does not exist yet, on the default plan. Returns whether it did. */
  async ensureEntity(tx: Tx, entity: string, at: Date): Promise<boolean> {
    const data = { name: entity, planName: DEFAULT_PLAN, createdAt: at };
    return (await tx.entity.createMany({ data, skipDuplicates: true })).count > 0;
  }

  /** Waits for the entities' locks and holds them until the transaction ends. Read what they protect after this call. */
  async lock(tx: Tx, entities: readonly string[]): Promise<void> {
    await lockAccounts(tx, entities);
  }

  /** Marks the entities' states in Redis as outdated from the commit on. Needs their locks. */
  async raiseVersions(tx: Tx, entities: readonly string[]): Promise<void> {
    await raiseVersions(tx, entities);
  }

  /** Throws `not_found` for an entity that nobody has created and nothing was counted for. */
  async require(tx: Tx, entity: EntityName): Promise<void> {
    await requireKnown(tx, entity);
  }

  async exists(tx: Tx, entity: string): Promise<boolean> {
    return isKnown(tx, entity);
  }

  /** Those of the names that belong to no entity. */
  async unknown(tx: Tx, names: readonly EntityName[]): Promise<EntityName[]> {
    const rows = await tx.entity.findMany({ where: { name: { in: [...names] } }, select: { name: true } });
    const known = new Set(rows.map(({ name }) => name));
    return names.filter((name) => !known.has(name));
  }
}
