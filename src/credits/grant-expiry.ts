/** Writes off what is left of grants whose grace is over. It may run late, twice, or on two workers at once. */
import { Injectable } from '@nestjs/common';
import { Changes } from '../access/changes.js';
import { Accounts } from '../accounts/accounts.js';
import { isOver } from '../domain/burn-order.js';
import type { EntityName } from '../domain/ids.js';
import { GRACE_MS } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { oneByOne, pagesOf, transactionOfOne } from '../platform/one-by-one.js';
import { Grants } from './grants.js';
import { findEntitiesWithExpired } from './grants.sql.js';

const PAGE_ENTITIES = 1_000;

@Injectable()
export class GrantExpiry {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly changes: Changes,
    private readonly accounts: Accounts,
    private readonly grants: Grants,
  ) {}

  /** Returns the number of grants. Each entity has its own transaction, under its lock; throws a RoundError where one failed. */
  async expire(signal?: AbortSignal): Promise<number> {
    const now = await this.clock.bookingTime(this.database.reader);
    const expiredBy = new Date(now.getTime() - GRACE_MS);
    const entities = pagesOf<{ entity: EntityName }>((last) =>
      findEntitiesWithExpired(this.database.reader, {
        expiredBy,
        after: last?.entity ?? null,
        limit: PAGE_ENTITIES,
      }),
    );
    const expire = async ({ entity }: { entity: EntityName }): Promise<number> => {
      const expired = await transactionOfOne(this.database, (tx) => this.expireOf(tx, entity));
      await this.changes.announce([{ entity, project: null }]);
      return expired;
    };
    return oneByOne(entities, expire, signal);
  }

  private async expireOf(tx: Tx, entity: string): Promise<number> {
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    const expired = (await this.grants.left(tx, [entity])).filter((grant) => isOver(grant, bookedAt));
    for (const { id: grantId } of expired) {
      await this.grants.writeOff(tx, { entity, grantId, as: 'expiry', reference: null, bookedAt });
    }
    if (expired.length > 0) await this.accounts.raiseVersions(tx, [entity]);
    return expired.length;
  }
}
