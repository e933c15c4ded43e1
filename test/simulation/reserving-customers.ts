/** Customers that reserve before they spend and spend at most what they hold: their spend must never pass their limits. */
import assert from 'node:assert/strict';
import type { Change } from './changes.js';
import type { Delivery } from './facts.js';
import type { Model } from './model.js';
import { costOf } from './price-versions.js';

const PREPAID = 'prepaid';
const CAPPED = 'capped';
export const RESERVING = [PREPAID, CAPPED] as const;

/** Room for some of the requests of a round, not for all. */
const STEP_PICOS = 40_000_000_000n;

export class ReservingCustomers {
  private capPicos = 0n;
  /** What requests have cost beyond their holds. Spend may pass a limit by this much. */
  private readonly unheld = new Map<string, bigint>();

  constructor(private readonly model: Model) {}

  begin(): Change[] {
    const limits = { monthlyCap: null, yearlyCap: null, maxConcurrent: null };
    return [
      { what: 'entity', entity: PREPAID, plan: 'free' },
      { what: 'entity', entity: CAPPED, plan: 'free' },
      { what: 'limits', entity: PREPAID, limits: { ...limits, overage: 'blocked' } },
      { what: 'limits', entity: CAPPED, limits: { ...limits, overage: 'allowed' } },
    ];
  }

  more(): Change[] {
    this.capPicos += STEP_PICOS;
    const kind = { category: 'paid', priority: 50, effectiveMs: null, expiresMs: null } as const;
    return [
      { what: 'limits', entity: CAPPED, limits: { monthlyCap: this.capPicos } },
      { what: 'grant', entity: PREPAID, amount: STEP_PICOS, ...kind },
    ];
  }

  /** Adds what an event costs beyond its hold: all of it where Redis was unavailable, or has lost the hold since. */
  spend({ facts }: Delivery, holdPicos: bigint): void {
    const { entity, model, atMs } = facts!;
    const price = this.model.priceFor({ model, entity, atMs })!;
    const cost = costOf(facts!, price);
    if (cost > holdPicos) this.unheld.set(entity, this.unheldOf(entity) + cost - holdPicos);
  }

  /** Makes a change. What it charges again, for usage that was held at another price, was not held. */
  async outliving(change: () => Promise<void>): Promise<void> {
    const before = RESERVING.map((entity) => this.spentBy(entity));
    await change();
    for (const [index, entity] of RESERVING.entries()) {
      const more = this.spentBy(entity) - before[index]!;
      if (more > 0n) this.unheld.set(entity, this.unheldOf(entity) + more);
    }
  }

  private spentBy(entity: string): bigint {
    const { burnt, overage } = this.model.accounts.get(entity)!;
    return burnt + overage;
  }

  check(): void {
    const { overage } = this.model.accounts.get(PREPAID)!;
    assert.ok(overage <= this.unheldOf(PREPAID), `no credit goes below zero: ${overage}`);
    let spent = 0n;
    for (const cost of this.model.accounts.get(CAPPED)!.spend.values()) spent += cost;
    assert.ok(
      spent <= this.capPicos + this.unheldOf(CAPPED),
      `no cap is passed: ${spent} of ${this.capPicos}`,
    );
  }

  private unheldOf(entity: string): bigint {
    return this.unheld.get(entity) ?? 0n;
  }
}
