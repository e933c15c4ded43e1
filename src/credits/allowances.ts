/** The monthly allowances that plans give. */
import { Injectable } from '@nestjs/common';
import type { Tx } from '../platform/database.js';
import { grantAllowances } from './allowances.sql.js';

@Injectable()
export class Allowances {
  /**
   * Grants the allowances that are due and returns the entities that got one: their balance has changed. Safe at any time, and
   * twice at once.
   */
  async grantDue(tx: Tx, of: { entities: readonly string[]; at: Date }): Promise<string[]> {
    return grantAllowances(tx, of);
  }
}
