/** Entities and projects as accounts: what everything that moves money needs of them, in its own transaction. */
import { Injectable } from '@nestjs/common';
import type { EntityName, Subject } from '../domain/ids.js';
import type { Tx } from '../platform/database.js';
import { ensureAccounts, ensureEntity, lockAccounts, raiseVersions } from './accounts.sql.js';
import { findEntity, findUncreated } from './entities.sql.js';

@Injectable()
export class Accounts {
  /** Makes the entities and projects that do not exist yet, with the default plan. */
  async ensure(tx: Tx, subjects: readonly Subject[], at: Date): Promise<void> {
    await ensureAccounts(tx, subjects, at);
  }

  /** The same for an entity without a project. */
  async ensureEntity(tx: Tx, entity: string, at: Date): Promise<void> {
    await ensureEntity(tx, entity, at);
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
    return (await findEntity(tx, entity)) !== null;
  }

  /** Those of the names that are no entity's. */
  async unknown(tx: Tx, names: readonly EntityName[]): Promise<EntityName[]> {
    return findUncreated(tx, names);
  }
}
