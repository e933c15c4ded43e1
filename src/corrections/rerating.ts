/**
 * Charges past usage by the price book as it is now, for prices that were published for a time in the past. The event keeps
 * the price that rated it first; a correction names the new one and books the difference.
 */
import { Injectable } from '@nestjs/common';
import { assert } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Quota } from '../quota/quota.js';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { Allowances } from '../credits/allowances.js';
import {
  countEvents,
  cursorOf,
  findEntitiesUsing,
  findMispriced,
  type EventCursor,
  type UsageRange,
} from './correctable-events.sql.js';
import { Database, type Restart, type Tx } from '../platform/database.js';
import { Grants } from '../credits/grants.js';
import { requireEvents } from '../metering/dropped-months.js';
import { resolveAll } from '../metering/rating.js';
import { PriceBook } from '../prices/price-book.js';
import { Rates } from '../prices/rates.js';
import { CorrectionBooking } from './correction-booking.js';
import { planCorrections } from './correction-plan.js';
import { withRates, type Repriced } from './repriced.js';

/** Events that one transaction corrects. */
const BATCH_EVENTS_MAX = 500;

/** Events that a preview adds up. */
const PREVIEW_EVENTS_MAX = 200_000;

export type RerateOrder = UsageRange & {
  /** Null is every entity. */
  readonly entity: EntityName | null;
  readonly reason: string;
  readonly actor: string;
};

export type EntityRerating = {
  readonly entity: string;
  events: number;
  oldPicos: bigint;
  newPicos: bigint;
};

export type ReratingReport = {
  /** Events of the range that were compared with the price book. */
  readonly lookedAt: number;
  readonly changed: number;
  /** False where more is left than a preview adds up. */
  readonly complete: boolean;
  /** Those with a change, by name. */
  readonly entities: readonly EntityRerating[];
};

@Injectable()
export class Rerating {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly accounts: Accounts,
    private readonly prices: PriceBook,
    private readonly rates: Rates,
    private readonly allowances: Allowances,
    private readonly grants: Grants,
    private readonly booking: CorrectionBooking,
  ) {}

  /** Throws `events_dropped` where events of the range were dropped. */
  async requireEvents({ entity, from, to }: RerateOrder): Promise<void> {
    await requireEvents(this.database.reader, { entity, from, to, param: 'from' });
  }

  /** Says what `rerate` would change, and changes nothing. */
  async preview(order: RerateOrder): Promise<ReratingReport> {
    return this.run(order, PREVIEW_EVENTS_MAX, ({ entity, after, limit }) =>
      this.database.transaction((tx) => this.findTargets(tx, { ...order, entity, after, limit }), {
        snapshot: true,
      }),
    );
  }

  /**
   * Books one correction for each event whose price has changed. Repeating it changes nothing; after one that was cut short, by a
   * fault or by `eventsMax`, it continues with the rest. `onPage` hears the share of the entities that are done, and may throw to end it
   * between two pages.
   */
  async rerate(
    order: RerateOrder,
    { eventsMax = Infinity, onPage = () => {} }: { eventsMax?: number; onPage?: (done: number) => void } = {},
  ): Promise<ReratingReport> {
    return this.run({ ...order, onPage }, eventsMax, async ({ entity, after, limit }) => {
      const targets = await this.database.transaction((tx) =>
        this.correct(tx, { ...order, entity, after, limit }),
      );
      await this.quota.publish(targets.map(({ counted }) => counted.event));
      return targets;
    });
  }

  private async run(
    { onPage, ...order }: RerateOrder & { onPage?: (done: number) => void },
    eventsMax: number,
    take: (page: Page) => Promise<readonly Repriced[]>,
  ): Promise<ReratingReport> {
    await this.requireEvents(order);
    const found =
      order.entity === null ? await findEntitiesUsing(this.database.reader, order) : [order.entity];
    const entities: EntityRerating[] = [];
    let [lookedAt, changed] = [0, 0];
    for (const [place, entity] of found.entries()) {
      if (changed === eventsMax) break;
      onPage?.(place / found.length);
      lookedAt += await countEvents(this.database.reader, { ...order, entity });
      const sum: EntityRerating = { entity, events: 0, oldPicos: 0n, newPicos: 0n };
      for (let after: EventCursor | null = null, limit = -1; changed < eventsMax;) {
        limit = Math.min(eventsMax - changed, BATCH_EVENTS_MAX);
        const targets = await take({ entity, after, limit });
        targets.forEach((target) => add(sum, target));
        changed += targets.length;
        onPage?.(place / found.length);
        const last = targets.at(-1);
        if (last === undefined || targets.length < limit) break;
        after = cursorOf(last.counted);
      }
      if (sum.events > 0) entities.push(sum);
    }
    return { lookedAt, changed, complete: changed < eventsMax, entities };
  }

  private async correct(tx: Tx, order: RerateOrder & Page): Promise<readonly Repriced[] | Restart> {
    const { entity, reason, actor } = order;
    const bookedAt = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    await this.prices.lockShared(tx);
    const targets = await this.findTargets(tx, order);
    if (targets.length === 0) return targets;
    await this.allowances.grantDue(tx, { entities: [entity], at: bookedAt });
    const grants = await this.grants.of(tx, entity);
    const rated = await withRates(tx, { rates: this.rates, repriced: targets });
    const corrections = planCorrections(rated, { grants, bookedAt });
    const by = { reason, actor };
    const restart = await this.booking.book(tx, corrections, { entity, grants, bookedAt, ...by });
    if (restart !== null) return restart;
    const sum: EntityRerating = { entity, events: 0, oldPicos: 0n, newPicos: 0n };
    targets.forEach((target) => add(sum, target));
    await insertAuditEntry(tx, {
      at: bookedAt,
      actor,
      action: 'prices.rerate',
      entity,
      target: order.model,
      before: { events: sum.events, cost_picos: String(sum.oldPicos), from: order.from, to: order.to },
      after: { cost_picos: String(sum.newPicos), reason },
    });
    return targets;
  }

  private async findTargets(tx: Tx, page: UsageRange & Page): Promise<Repriced[]> {
    const events = await findMispriced(tx, page);
    if (events.length === 0) return [];
    const prices = await this.prices.versionsOf(tx, [page.model]);
    const resolutions = resolveAll(
      events.map(({ event }) => event),
      prices,
    );
    return events.map((counted, index) => {
      const resolution = resolutions[index] ?? null;
      assert(
        resolution !== null && resolution.priceId !== counted.rate?.priceId,
        'the search and the price book agree on the price in force',
      );
      return { counted, resolution };
    });
  }
}

type Page = { readonly entity: EntityName; readonly after: EventCursor | null; readonly limit: number };

function add(sum: EntityRerating, { counted, resolution }: Repriced): void {
  sum.events += 1;
  sum.oldPicos += counted.costPicos;
  sum.newPicos += resolution.costPicos;
}
