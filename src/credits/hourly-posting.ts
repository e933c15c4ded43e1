/** Posts the burns of closed hours to the ledger. It may run late, twice, or on two workers at once. */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { hourOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { Burns } from './burns.js';
import { findEntitiesToPost } from './burns.sql.js';

@Injectable()
export class HourlyPosting {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly burns: Burns,
  ) {}

  /** Returns the number of ledger entries. Each entity has its own transaction, under its lock. */
  async post(): Promise<number> {
    const openHour = hourOf(await this.clock.bookingTime(this.database.reader));
    let posted = 0;
    for (const entity of await findEntitiesToPost(this.database.reader, openHour)) {
      posted += await this.database.transaction(async (tx) => {
        const bookedAt = await this.clock.bookingTime(tx);
        await this.accounts.lock(tx, [entity]);
        return this.burns.post(tx, { entity, openHour, bookedAt });
      });
    }
    return posted;
  }
}
