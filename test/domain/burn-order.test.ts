import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { burn, compareBurnOrder, isEffective, type Grant } from '../../src/domain/burn-order.js';

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
    remainingPicos: 100n,
    ...override,
  };
}

const grants = fc
  .array(
    fc.record({
      category: fc.constantFrom('paid' as const, 'promotional' as const),
      priority: fc.integer({ min: 0, max: 100 }),
      effectiveAt: fc.integer({ min: -30, max: 3 }).map(days),
      expiresAt: fc.option(fc.integer({ min: -5, max: 30 }).map(days), { nil: null }),
      createdAt: fc.integer({ min: -30, max: 0 }).map(days),
      remainingPicos: fc.bigInt({ min: 0n, max: 1_000n }),
    }),
    { maxLength: 8 },
  )
  .map((list) => list.map((grant, index): Grant => ({ ...grant, id: `grant_${index}` })));
const charges = fc.array(fc.bigInt({ min: 0n, max: 800n }), { maxLength: 12 });

describe('burn', () => {
  it('pays every charge to the picodollar: Σ burns + overage = charge', () => {
    fc.assert(
      fc.property(grants, charges, (lots, amounts) => {
        burn(lots, amounts, NOW).forEach((payment, index) => {
          const burnt = payment.burns.reduce((sum, part) => sum + part.amountPicos, 0n);
          expect(burnt + payment.overagePicos).toBe(amounts[index]);
          expect(payment.burns.every((part) => part.amountPicos > 0n)).toBe(true);
        });
      }),
    );
  });

  it('never takes more from a grant than it has left, nothing from a grant that is not valid, and no overage while a valid grant has something left', () => {
    fc.assert(
      fc.property(grants, charges, (lots, amounts) => {
        const payments = burn(lots, amounts, NOW);
        const taken = new Map<string, bigint>();
        for (const part of payments.flatMap((payment) => payment.burns)) {
          taken.set(part.grantId, (taken.get(part.grantId) ?? 0n) + part.amountPicos);
        }
        let leftPicos = 0n;
        for (const lot of lots) {
          const amount = taken.get(lot.id) ?? 0n;
          expect(amount <= lot.remainingPicos).toBe(true);
          expect(isEffective(lot, NOW) || amount === 0n).toBe(true);
          if (isEffective(lot, NOW)) leftPicos += lot.remainingPicos - amount;
        }
        const overage = payments.reduce((sum, payment) => sum + payment.overagePicos, 0n);
        expect(overage === 0n || leftPicos === 0n).toBe(true);
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
    const [payment] = burn(shuffled, [650n], NOW);
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

  it('takes from a grant from its effective instant (inclusive) to its expiry (exclusive)', () => {
    expect(isEffective(aGrant({ effectiveAt: NOW }), NOW)).toBe(true);
    expect(isEffective(aGrant({ expiresAt: NOW }), NOW)).toBe(false);
  });
});
