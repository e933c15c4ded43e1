/** Charges usage that came before its price did. It keeps its place in time and is paid like any other usage. */
import { Injectable } from '@nestjs/common';
import { hourOf } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { Clock } from '../infra/clock.js';
import { QuotaService } from '../quota/quota.service.js';
import { lockAccounts, raiseVersions } from '../store/accounts.js';
import { grantAllowances } from '../store/allowances.js';
import { bookingTime } from '../store/booking-time.js';
import { Database, type Tx } from '../store/database.js';
import { findGrantsLeft } from '../store/grants.js';
import { findPrices, lockPriceBookShared } from '../store/prices.js';
import { chargeEvents, findChargeable, findEntitiesToCharge } from '../store/unpriced-events.js';
import type { RatedEvent } from '../store/usage-events.js';
import { addBurns, addHourlySums, addSpend, dropEmptySums } from '../store/usage-sums.js';
import { negateSums, sumBatch } from './batch-sums.js';
import { rateBatch } from './rating.js';

const BATCH_EVENTS_MAX = 1_000;

@Injectable()
export class UnpricedUsage {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: QuotaService,
  ) {}

  /** Charges all that has a price by now and returns the number of events. Run it after a price is published, and by the clock. */
  async charge(): Promise<number> {
    let charged = 0;
    for (const entity of await findEntitiesToCharge(this.database.reader)) {
      for (let full = true; full;) {
        const rated = await this.database.transaction((tx) => this.chargeBatch(tx, entity));
        await this.quota.publish(
          rated.map(({ event }) => event),
          [],
        );
        charged += rated.length;
        full = rated.length === BATCH_EVENTS_MAX;
      }
    }
    return charged;
  }

  private async chargeBatch(tx: Tx, entity: string): Promise<RatedEvent[]> {
    const bookedAt = await bookingTime(tx, this.clock.databaseNow());
    await lockAccounts(tx, [entity]);
    await lockPriceBookShared(tx);
    const unpriced = await findChargeable(tx, { entity, limit: BATCH_EVENTS_MAX });
    if (unpriced.length === 0) return [];
    await grantAllowances(tx, { entities: [entity], at: bookedAt });
    const prices = await findPrices(tx, { models: [...new Set(unpriced.map(({ event }) => event.model))] });
    const grants = await findGrantsLeft(tx, [entity]);
    const rated = rateBatch(unpriced, { prices, grants }, bookedAt);
    const before = unpriced.map((row) => ({ ...row, priceId: UNPRICED, costPicos: 0n, burns: [] }));
    const sums = sumBatch(rated);
    await chargeEvents(tx, rated, bookedAt);
    const moved = sumBatch(before).hourly;
    await addHourlySums(tx, negateSums(moved));
    await addHourlySums(tx, sums.hourly);
    await dropEmptySums(tx, moved);
    await addSpend(tx, sums.spend);
    await addBurns(tx, sums.burns, hourOf(bookedAt));
    await raiseVersions(tx, [entity]);
    return rated;
  }
}
