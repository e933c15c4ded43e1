/** The monthly allowances that plans give. */
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { billingPeriodOf, periodOf } from '../domain/period.js';
import type { UsageEvent } from '../domain/usage.js';
import type { Database, Tx } from '../platform/database.js';
import { Debts } from './debts.js';
import { findDueAllowances, grantAllowances, type Needed } from './allowances.sql.js';

type Due = {
  readonly entities: readonly string[];
  readonly at: Date;
  /** Usage of these entities that is booked at that time. */
  readonly usage?: readonly Pick<UsageEvent, 'entity' | 'occurredAt'>[];
};

@Injectable()
export class Allowances {
  constructor(
    private readonly accounts: Accounts,
    private readonly debts: Debts,
  ) {}

  /**
   * Grants the allowances that are due and returns the entities that got one: their balance has changed. Safe at any time, and
   * twice at once. It locks only entities to which something is due. An entity is due that of the current month, and that of each month
   * which its usage is charged to: December's allowance does not pay November's usage.
   */
  async grantDue(tx: Tx, of: Due): Promise<string[]> {
    return this.grant(tx, await findDueAllowances(tx, neededFor(of)), of.at);
  }

  /** The same for callers without a transaction: it opens one where something is due. */
  async grantDueApart(database: Pick<Database, 'reader' | 'transaction'>, of: Due): Promise<string[]> {
    const due = await findDueAllowances(database.reader, neededFor(of));
    if (due.length === 0) return [];
    return database.transaction((tx) => this.grant(tx, due, of.at));
  }

  private async grant(tx: Tx, due: readonly Needed[], at: Date): Promise<string[]> {
    if (due.length === 0) return [];
    await this.accounts.lock(tx, [...new Set(due.map(({ entity }) => entity))]);
    const entities = await grantAllowances(tx, { needed: due, at });
    await this.debts.settle(tx, { entities, bookedAt: at });
    return entities;
  }
}

/** Each entity and period once. */
function neededFor({ entities, at, usage = [] }: Due): Needed[] {
  const needed = [
    ...entities.map((entity): Needed => ({ entity, period: periodOf(at) })),
    ...usage.map(({ entity, occurredAt }): Needed => ({
      entity,
      period: billingPeriodOf({ occurredAt, bookedAt: at }),
    })),
  ];
  return [...new Map(needed.map((each) => [`${each.period} ${each.entity}`, each])).values()];
}
