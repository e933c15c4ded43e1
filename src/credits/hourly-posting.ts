/** Posts the burns of closed hours to the ledger. It may run late, twice, or on two workers at once. */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { hourOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { Burns } from './burns.js';
import { findEntitiesToPost } from './burns.sql.js';

const PAGE_ENTITIES = 1_000;

@Injectable()
export class HourlyPosting {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly burns: Burns,
  ) {}

  /** Returns the number of ledger entries. Each entity has its own transaction, under its lock; throws a RoundError where one failed. */
  async post(signal?: AbortSignal): Promise<number> {
    const openHour = hourOf(await this.clock.bookingTime(this.database.reader));
    const entities = pagesOf<{ entity: string }>((last) =>
      findEntitiesToPost(this.database.reader, {
        openHour,
        after: last?.entity ?? null,
        limit: PAGE_ENTITIES,
      }),
    );
    const post = ({ entity }: { entity: string }): Promise<number> =>
      transactionOfOne(this.database, async (tx) => {
        const bookedAt = await this.clock.bookingTime(tx);
        await this.accounts.lock(tx, [entity]);
        return this.burns.post(tx, { entity, openHour, bookedAt });
      });
    return oneByOne(entities, post, signal);
  }
}
