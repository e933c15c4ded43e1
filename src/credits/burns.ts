/** Burns, the parts of costs that grants pay. They are added under the entity's lock and posted to the ledger by the hour. */
import { Injectable } from '@nestjs/common';
import type { BurnReversal, BurnSum } from '../domain/burn-order.js';
import type { Restart, Tx } from '../platform/database.js';
import { addBurns, addReversals, postBurns, postReversals } from './burns.sql.js';

@Injectable()
export class Burns {
  /** Takes burns from their grants. Needs the entities' locks. A Restart where the hour is posted already. */
  async add(tx: Tx, burns: readonly BurnSum[], bookedHour: Date): Promise<Restart | null> {
    return addBurns(tx, burns, bookedHour);
  }

  /** Gives burns back to their grants where usage is corrected. Needs the entities' locks. A Restart where the hour is posted already. */
  async giveBack(tx: Tx, reversals: readonly BurnReversal[], bookedHour: Date): Promise<Restart | null> {
    return addReversals(tx, reversals, bookedHour);
  }

  /**
   * Posts the entity's closed hours: burns and overage, then their reversals. Needs the entity's lock. Returns the number of ledger
   * entries; an hour that is already posted adds none.
   */
  async post(tx: Tx, of: { entity: string; openHour: Date; bookedAt: Date }): Promise<number> {
    const burns = await postBurns(tx, of);
    return burns + (await postReversals(tx, of));
  }
}
