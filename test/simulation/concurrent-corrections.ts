/**
 * Corrections while the usage of the same accounts is counted. Credits that never run out pay everything for one account, and
 * everything of the other is overage, so no sum depends on the order of events and corrections.
 */
import assert from 'node:assert/strict';
import type { Change } from './changes.js';
import { nowOf, voidEvent } from './corrections.js';
import { keyOf, wrap, type Delivery } from './facts.js';
import type { Generator } from './generator.js';
import type { Model } from './model.js';
import type { PatientAdmin } from './patient-admin.js';
import type { Random } from './random.js';

const DEBTOR = 'debtor';
const MAGNATE = 'magnate';
export const CORRECTED = [DEBTOR, MAGNATE] as const;

const FORTUNE_PICOS = 10n ** 18n;

type Corrected = { readonly key: string; readonly answer: { status: number; text: string } };

export class ConcurrentCorrections {
  private sent: Delivery[] = [];
  private voids: Corrected[] = [];

  constructor(
    private readonly random: Random,
    private readonly model: Model,
    private readonly generator: Generator,
    private readonly admin: PatientAdmin,
  ) {}

  begin(): Change[] {
    const limits = { monthlyCap: null, yearlyCap: null, maxConcurrent: null };
    const kind = { category: 'paid', priority: 50, effectiveMs: null, expiresMs: null } as const;
    return [
      { what: 'entity', entity: DEBTOR, plan: 'free' },
      { what: 'entity', entity: MAGNATE, plan: 'free' },
      { what: 'limits', entity: DEBTOR, limits: { ...limits, overage: 'allowed' } },
      { what: 'limits', entity: MAGNATE, limits: { ...limits, overage: 'blocked' } },
      { what: 'grant', entity: MAGNATE, amount: FORTUNE_PICOS, ...kind },
    ];
  }

  /** The deliveries of one round, which several workers send. */
  deliveries(count: number, nowMs: number): Delivery[] {
    const { random } = this;
    this.sent = Array.from({ length: count }, () =>
      wrap(this.generator.facts(nowMs, { entity: random.pick(CORRECTED) }), random),
    );
    return this.sent;
  }

  /** One correction: of an event that was counted rounds ago, is counted right now, or has not been sent yet. */
  async correct(random: Random): Promise<void> {
    if (random.chance(0.4)) return this.admin.repair(random.pick(CORRECTED));
    const old = [...this.model.counted.values()].filter(({ facts }) => isCorrected(facts.entity));
    const fromBefore = old.length > 0 && random.chance(0.3);
    const { source, id, entity } = fromBefore ? random.pick(old).facts : random.pick(this.sent).facts!;
    const key = keyOf({ source, id });
    const path = `POST /v1/admin/usage_events/${encodeURIComponent(source)}/${id}/void`;
    const { status, text } = await this.admin.answer(path, { reason: `simulated for ${entity}` });
    this.voids.push({ key, answer: { status, text } });
  }

  /** Makes the voids in the model, after everything is counted. */
  settle(nowMs: number): void {
    for (const { key, answer } of this.voids) {
      if (answer.status === 404) continue;
      assert.ok(answer.status < 300, answer.text);
      const counted = this.model.counted.get(key)!;
      const { grants } = this.model.accounts.get(counted.facts.entity)!;
      const byGrant = new Map(grants.map(({ id }) => [id, nowOf(counted).cost]));
      voidEvent(this.model, counted, { nowMs, paid: new Map([[key, byGrant]]) });
    }
    this.voids = [];
  }
}

function isCorrected(entity: string): boolean {
  return CORRECTED.some((name) => name === entity);
}
