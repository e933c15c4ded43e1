/** What happens to credits by the clock: closed hours are posted to the ledger, expired lots are written off. Safe twice, late, and at once. */
import { Injectable } from '@nestjs/common';
import { hourOf, periodOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { QuotaService } from '../quota/quota.js';
import { lockAccounts, raiseVersions } from '../accounts/accounts.sql.js';
import { Database, type Tx } from '../platform/database.js';
import { findEntitiesWithExpired, findGrantsLeft, takeRemaining } from './grants.sql.js';
import { findEntitiesToPost, insertLedgerEntry } from './ledger.sql.js';
import { postHours } from './posting.js';

@Injectable()
export class UpkeepService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: QuotaService,
  ) {}

  /** Posts every closed hour and returns the number of ledger entries written. One transaction an entity, under its lock. */
  async postClosedHours(): Promise<number> {
    const openHour = hourOf(await this.now());
    let posted = 0;
    for (const entity of await findEntitiesToPost(this.database.reader, openHour)) {
      posted += await this.database.transaction(async (tx) => {
        const bookedAt = await this.clock.bookingTime(tx);
        await lockAccounts(tx, [entity]);
        return postHours(tx, { entity, openHour, bookedAt });
      });
    }
    return posted;
  }

  /** Writes off what is left of expired lots and returns how many there were. */
  async expireGrants(): Promise<number> {
    let expired = 0;
    for (const entity of await findEntitiesWithExpired(this.database.reader, await this.now())) {
      expired += await this.database.transaction((tx) => this.expireGrantsOf(tx, entity));
      await this.quota.publish([{ entity, project: null }], []);
    }
    return expired;
  }

  private async expireGrantsOf(tx: Tx, entity: string): Promise<number> {
    const bookedAt = await this.clock.bookingTime(tx);
    await lockAccounts(tx, [entity]);
    const expired = (await findGrantsLeft(tx, [entity])).filter(
      (grant) => grant.expiresAt !== null && grant.expiresAt <= bookedAt,
    );
    for (const { id: grantId } of expired) {
      const amountPicos = await takeRemaining(tx, { grantId, as: 'expired' });
      const period = periodOf(bookedAt);
      await insertLedgerEntry(tx, {
        entity,
        kind: 'expiry',
        amountPicos,
        grantId,
        period,
        reference: null,
        bookedAt,
      });
    }
    if (expired.length > 0) await raiseVersions(tx, [entity]);
    return expired.length;
  }

  private now(): Promise<Date> {
    return this.clock.bookingTime(this.database.reader);
  }
}
