/** The monthly allowances that plans give. */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import type { Database, Tx } from '../platform/database.js';
import { findDueAllowances, grantAllowances } from './allowances.sql.js';

type Needed = { readonly entities: readonly string[]; readonly at: Date };

@Injectable()
export class Allowances {
  constructor(private readonly accounts: Accounts) {}

  /**
   * Grants the allowances that are due and returns the entities that got one: their balance has changed. Safe at any time, and
   * twice at once. It locks only entities to which something is due.
   */
  async grantDue(tx: Tx, of: Needed): Promise<string[]> {
    const entities = await findDueAllowances(tx, of);
    if (entities.length === 0) return [];
    await this.accounts.lock(tx, entities);
    return grantAllowances(tx, { entities, at: of.at });
  }

  /** The same for callers without a transaction: it opens one where something is due. */
  async grantDueApart(database: Database, of: Needed): Promise<string[]> {
    const entities = await findDueAllowances(database.reader, of);
    if (entities.length === 0) return [];
    return database.transaction((tx) => this.grantDue(tx, { entities, at: of.at }));
  }
}
