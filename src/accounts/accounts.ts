/** Entities and projects as accounts: what everything that moves money needs of them, in its own transaction. */
import { Injectable } from '@nestjs/common';
import type { EntityName, Subject } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { ensureAccounts, lockAccounts, raiseVersions } from './accounts.sql.js';
import { DEFAULT_PLAN } from './default-plan.js';

@Injectable()
export class Accounts {
  /** Makes the entities and projects that do not exist yet, with the default plan. */
  async ensure(tx: Tx, subjects: readonly Subject[], at: Date): Promise<void> {
    await ensureAccounts(tx, subjects, at);
  }

  /** The same for an entity without a project. */
  async ensureEntity(tx: Tx, entity: string, at: Date): Promise<void> {
    const data = { name: entity, planName: DEFAULT_PLAN, createdAt: at };
    await tx.entity.createMany({ data, skipDuplicates: true });
  }

  /** Waits for the entities' locks and holds them until the transaction ends. Read what the lock protects after this. */
  async lock(tx: Tx, entities: readonly string[]): Promise<void> {
    await lockAccounts(tx, entities);
  }

  /** Their state in Redis is older from the commit on. Needs their locks. */
  async raiseVersions(tx: Tx, entities: readonly string[]): Promise<void> {
    await raiseVersions(tx, entities);
  }

  async exists(tx: Tx, entity: string): Promise<boolean> {
    return (await tx.entity.findUnique({ where: { name: entity }, select: { name: true } })) !== null;
  }

  /** Those of the names that are no entity's. */
  async unknown(tx: Tx, names: readonly EntityName[]): Promise<EntityName[]> {
    const rows = await tx.entity.findMany({ where: { name: { in: [...names] } }, select: { name: true } });
    const known = new Set(rows.map(({ name }) => name));
    return names.filter((name) => !known.has(name));
  }
}
