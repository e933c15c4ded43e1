/** What grants pay, kept by hour of booking: added under the entity's lock, posted to the ledger once the hour has closed. */
import { Injectable } from '@nestjs/common';
import type { BurnReversal, BurnSum } from '../domain/burn-order.js';
import type { Tx } from '../platform/database.js';
import { addBurns, addReversals, postBurns, postReversals } from './burns.sql.js';

@Injectable()
export class Burns {
  /** Takes burns from their grants. Needs the entities' locks. */
  async add(tx: Tx, burns: readonly BurnSum[], bookedHour: Date): Promise<void> {
    await addBurns(tx, burns, bookedHour);
  }

  /** Gives burns back to their grants, for corrections. Needs the entities' locks. */
  async giveBack(tx: Tx, reversals: readonly BurnReversal[], bookedHour: Date): Promise<void> {
    await addReversals(tx, reversals, bookedHour);
  }

  /**
   * Posts the entity's closed hours: what was burnt and owed in them, then what corrections gave back. Needs the entity's
   * lock. Returns the number of entries; hours that are posted already make none.
   */
  async post(tx: Tx, of: { entity: string; openHour: Date; bookedAt: Date }): Promise<number> {
    const burns = await postBurns(tx, of);
    return burns + (await postReversals(tx, of));
  }
}
