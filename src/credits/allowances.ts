/** The monthly credits that plans give. */
import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database.js';
import { grantAllowances } from './allowances.sql.js';

@Injectable()
export class Allowances {
  /**
   * Grants the entities what their plans owe them for the month and returns those that got something: their balances have
   * changed. Safe at any time and twice at once.
   */
  async grantDue(tx: Tx, of: { entities: readonly string[]; at: Date }): Promise<string[]> {
    return grantAllowances(tx, of);
  }
}
