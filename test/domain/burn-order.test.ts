import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  burn,
  compareBurnOrder,
  isOver,
  pays,
  type Charge,
  type Grant,
} from '../../src/domain/burn-order.js';

const NOW = new Date('2026-11-22T12:00:00Z');
const days = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000);

function aGrant(override: Partial<Grant> = {}): Grant {
  return {
    id: 'grant_a',
    category: 'paid',
    priority: 50,
    effectiveAt: days(-10),
    expiresAt: null,
    createdAt: days(-10),
    allowancePeriod: null,
    remainingPicos: 100n,
    ...override,
  };
}

const grants = fc
  .array(
    fc
      .record({
        category: fc.constantFrom('paid' as const, 'promotional' as const),
        priority: fc.integer({ min: 0, max: 100 }),
        effectiveAt: fc.option(fc.integer({ min: -30, max: 3 }).map(days), { nil: null }),
        expiresAt: fc.option(fc.integer({ min: -8, max: 30 }).map(days), { nil: null }),
        createdAt: fc.integer({ min: -30, max: 0 }).map(days),
        allowancePeriod: fc.constantFrom(null, null, '2026-11'),
        remainingPicos: fc.bigInt({ min: 0n, max: 1_000n }),
      })
      .map((grant) => ({ ...grant, effectiveAt: grant.effectiveAt ?? grant.createdAt })),
    { maxLength: 8 },
  )
  .map((list) => list.map((grant, index): Grant => ({ ...grant, id: `grant_${index}` })));
const charges: fc.Arbitrary<Charge[]> = fc.array(
  fc.record({
    amountPicos: fc.bigInt({ min: 0n, max: 800n }),
    occurredAt: fc.oneof(fc.constant(NOW), fc.integer({ min: -35, max: 0 }).map(days)),
  }),
  { maxLength: 12 },
);
const chargeNow = (amountPicos: bigint): Charge => ({ amountPicos, occurredAt: NOW });

describe('burn', () => {
  it('pays every charge to the picodollar: Σ burns + overage = charge', () => {
    fc.assert(
      fc.property(grants, charges, (lots, amounts) => {
        burn(lots, amounts, NOW).forEach((payment, index) => {
          const burnt = payment.burns.reduce((sum, part) => sum + part.amountPicos, 0n);
          expect(burnt + payment.overagePicos).toBe(amounts[index]?.amountPicos);
          expect(payment.burns.every((part) => part.amountPicos > 0n)).toBe(true);
        });
      }),
    );
  });

  it('takes nothing more than a grant has left, nothing from a grant that does not pay the charge, and leaves no overage while one that pays it has something left', () => {
    fc.assert(
      fc.property(grants, charges, (lots, amounts) => {
        const left = new Map(lots.map((lot) => [lot.id, lot.remainingPicos]));
        burn(lots, amounts, NOW).forEach(({ burns, overagePicos }, index) => {
          const paying = lots.filter((lot) =>
            pays(lot, { occurredAt: amounts[index]!.occurredAt, bookedAt: NOW }),
          );
          for (const { grantId, amountPicos } of burns) {
            expect(paying.map(({ id }) => id)).toContain(grantId);
            left.set(grantId, left.get(grantId)! - amountPicos);
          }
          expect([...left.values()].every((picos) => picos >= 0n)).toBe(true);
          expect(overagePicos === 0n || paying.every(({ id }) => left.get(id) === 0n)).toBe(true);
        });
      }),
    );
  });

  it('takes the same from each grant however the charges are split into batches', () => {
    fc.assert(
      fc.property(grants, charges, fc.nat(12), (lots, amounts, cut) => {
        const total = (payments: ReturnType<typeof burn>): Record<string, bigint> => {
          const sums: Record<string, bigint> = {};
          for (const part of payments.flatMap((payment) => payment.burns)) {
            sums[part.grantId] = (sums[part.grantId] ?? 0n) + part.amountPicos;
          }
          return sums;
        };
        const whole = total(burn(lots, amounts, NOW));
        const first = burn(lots, amounts.slice(0, cut), NOW);
        const taken = total(first);
        const rest = lots.map((lot) => ({
          ...lot,
          remainingPicos: lot.remainingPicos - (taken[lot.id] ?? 0n),
        }));
        const second = burn(rest, amounts.slice(cut), NOW);
        expect(total([...first, ...second])).toEqual(whole);
      }),
    );
  });

  it('burns by priority, then soonest expiry, then promotional before paid, then oldest', () => {
    const inOrder = [
      aGrant({ id: 'g_priority', priority: 0 }),
      aGrant({ id: 'g_expiry_near', expiresAt: days(1) }),
      aGrant({ id: 'g_expiry_far', expiresAt: days(2) }),
      aGrant({ id: 'g_promotional', category: 'promotional' }),
      aGrant({ id: 'g_older', createdAt: days(-20) }),
      aGrant({ id: 'g_newer', createdAt: days(-1) }),
      aGrant({ id: 'g_last', priority: 100 }),
    ];
    const shuffled = [
      inOrder[4]!,
      inOrder[0]!,
      inOrder[6]!,
      inOrder[2]!,
      inOrder[5]!,
      inOrder[1]!,
      inOrder[3]!,
    ];
    expect(shuffled.sort(compareBurnOrder).map((grant) => grant.id)).toEqual(
      inOrder.map((grant) => grant.id),
    );
    const [payment] = burn(shuffled, [chargeNow(650n)], NOW);
    expect(payment?.burns.map((part) => part.grantId)).toEqual(inOrder.map((grant) => grant.id));
    expect(payment?.overagePicos).toBe(0n);
  });

  it('has a total order: sorting never depends on the order of arrival', () => {
    fc.assert(
      fc.property(grants, (lots) => {
        const ids = (list: Grant[]): string[] => list.sort(compareBurnOrder).map((grant) => grant.id);
        expect(ids([...lots])).toEqual(ids(lots.toReversed()));
      }),
    );
  });
});

describe('a grant pays', () => {
  const anAllowance = aGrant({ effectiveAt: days(-2), expiresAt: days(1), allowancePeriod: '2026-11' });
  const booked = (bookedAt: Date, occurredAt: Date) => ({ occurredAt, bookedAt });

  it('what occurred from its start (inclusive) to its expiry (exclusive), also when that is booked later', () => {
    expect(pays(anAllowance, booked(days(2), days(-2)))).toBe(true);
    expect(pays(anAllowance, booked(days(2), new Date(days(1).getTime() - 1)))).toBe(true);
    expect(pays(anAllowance, booked(days(2), days(1)))).toBe(false);
  });

  it('until 72 hours after its expiry, and nothing from then on', () => {
    expect(pays(anAllowance, booked(new Date(days(4).getTime() - 1), NOW))).toBe(true);
    expect(pays(anAllowance, booked(days(4), NOW))).toBe(false);
    expect([isOver(anAllowance, days(4)), isOver(anAllowance, new Date(days(4).getTime() - 1))]).toEqual([
      true,
      false,
    ]);
    expect(isOver(aGrant(), days(10_000))).toBe(false);
  });

  it('what occurred before it, if it is valid since it was made and is valid at the booking', () => {
    const aPurchase = aGrant({ effectiveAt: days(-1), createdAt: days(-1), expiresAt: days(1) });
    expect(pays(aPurchase, booked(NOW, days(-30)))).toBe(true);
    expect(pays(aPurchase, booked(days(1), days(-30)))).toBe(false);
    expect(pays(aPurchase, booked(days(-2), days(-30)))).toBe(false);
  });

  it('nothing that occurred before a start of its own, nor as an allowance what occurred before its month', () => {
    expect(pays(aGrant({ effectiveAt: days(-1) }), booked(NOW, days(-2)))).toBe(false);
    const sinceMade = { effectiveAt: days(-1), createdAt: days(-1) };
    expect(pays(aGrant({ ...sinceMade, allowancePeriod: '2026-11' }), booked(NOW, days(-2)))).toBe(false);
  });
});
