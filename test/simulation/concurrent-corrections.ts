/**
 * Accounts that are corrected while their usage comes in. One pays all by credits that never end, the other owes all, so
 * that no sum depends on which event came before which correction.
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
export const BUSTLING = [DEBTOR, MAGNATE] as const;

const FORTUNE_PICOS = 10n ** 18n;

type Corrected = { readonly key: string; readonly answer: { status: number; text: string } };

export class Bustle {
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
      { what: 'limits', entity: DEBTOR, limits: { ...limits, overage: 'allowed' } },
      { what: 'limits', entity: MAGNATE, limits: { ...limits, overage: 'blocked' } },
      { what: 'grant', entity: MAGNATE, amount: FORTUNE_PICOS, ...kind },
    ];
  }

  /** All of one round: it is sent in the order given, by several hands. */
  deliveries(count: number, nowMs: number): Delivery[] {
    const { random } = this;
    this.sent = Array.from({ length: count }, () =>
      wrap(this.generator.facts(nowMs, { entity: random.pick(BUSTLING) }), random),
    );
    return this.sent;
  }

  /** One correction: of an event that was counted rounds ago, that is counted right now, or that nobody has seen yet. */
  async correct(random: Random): Promise<void> {
    if (random.chance(0.4)) return this.admin.repair(random.pick(BUSTLING));
    const old = [...this.model.counted.values()].filter(({ facts }) => isBustling(facts.entity));
    const fromBefore = old.length > 0 && random.chance(0.3);
    const { source, id, entity } = fromBefore ? random.pick(old).facts : random.pick(this.sent).facts!;
    const key = keyOf({ source, id });
    const path = `POST /v1/admin/usage_events/${encodeURIComponent(source)}/${id}/void`;
    const { status, text } = await this.admin.answer(path, { reason: `simulated for ${entity}` });
    this.voids.push({ key, answer: { status, text } });
  }

  /** What was voided, after all is counted. */
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

function isBustling(entity: string): boolean {
  return BUSTLING.some((name) => name === entity);
}
