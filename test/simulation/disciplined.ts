/** Entities that reserve before they spend and never spend more than they hold: they must not pass what they may spend. */
import assert from 'node:assert/strict';
import type { Change } from './changes.js';
import type { Delivery } from './facts.js';
import type { Model } from './model.js';

const PREPAID = 'prepaid';
const CAPPED = 'capped';
export const DISCIPLINED = [PREPAID, CAPPED] as const;

/** Room for some of the requests of a round, not for all. */
const STEP_PICOS = 40_000_000_000n;

export class Disciplined {
  private capPicos = 0n;
  /** What requests have cost beyond their holds: so much may be spent beyond a limit. */
  private readonly unheld = new Map<string, bigint>();

  constructor(private readonly model: Model) {}

  begin(): Change[] {
    const limits = { monthlyCap: null, yearlyCap: null, maxConcurrent: null };
    return [
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

  /** What an event costs beyond its hold: all of it where Redis was away or has lost the hold since. */
  spend({ facts }: Delivery, holdPicos: bigint): void {
    const { entity, model, atMs, input, output } = facts!;
    const price = this.model.priceFor({ model, entity, atMs })!;
    const cost = BigInt(input) * price.input + BigInt(output) * price.output;
    if (cost > holdPicos) this.unheld.set(entity, this.unheldOf(entity) + cost - holdPicos);
  }

  check(): void {
    const { overage } = this.model.account(PREPAID);
    assert.ok(overage <= this.unheldOf(PREPAID), `no credit goes below zero: ${overage}`);
    let spent = 0n;
    for (const cost of this.model.account(CAPPED).spend.values()) spent += cost;
    assert.ok(
      spent <= this.capPicos + this.unheldOf(CAPPED),
      `no cap is passed: ${spent} of ${this.capPicos}`,
    );
  }

  private unheldOf(entity: string): bigint {
    return this.unheld.get(entity) ?? 0n;
  }
}
