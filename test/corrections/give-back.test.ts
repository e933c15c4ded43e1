import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { giveBack, netMovements, type Movement } from '../../src/corrections/give-back.js';
import type { Period } from '../../src/domain/period.js';

const hour = (number: number): Date => new Date(Date.UTC(2026, 10, 22, number));
const moved = (grantId: string | null, at: number, amountPicos: bigint): Movement => ({
  grantId,
  bookedHour: hour(at),
  period: '2026-11' as Period,
  amountPicos,
});
/** Grants burn in the order of their names. */
const rank = (grantId: string): number => grantId.charCodeAt(0);

describe('net movements', () => {
  it('add up what was burnt and given back of one grant in one hour, and drop what is zero', () => {
    const movements = [
      moved('a', 1, 5n),
      moved('a', 2, 3n),
      moved(null, 1, 4n),
      moved('a', 1, -5n),
      moved(null, 1, -1n),
    ];
    expect(netMovements(movements)).toEqual([moved('a', 2, 3n), moved(null, 1, 3n)]);
  });
});

describe('giving back', () => {
  it('takes overage first, then the grants in reverse burn order, of one grant the latest hour first', () => {
    const net = [
      moved('a', 1, 5n),
      moved('b', 1, 5n),
      moved(null, 1, 5n),
      moved('b', 3, 5n),
      moved('a', 4, 5n),
    ];
    expect(giveBack(net, 22n, rank)).toEqual([
      moved(null, 1, 5n),
      moved('b', 3, 5n),
      moved('b', 1, 5n),
      moved('a', 4, 5n),
      moved('a', 1, 2n),
    ]);
  });

  it('gives nothing for nothing, and never more than was charged', () => {
    expect(giveBack([moved('a', 1, 5n)], 0n, rank)).toEqual([]);
    expect(() => giveBack([moved('a', 1, 5n)], 6n, rank)).toThrow(/no more is given back than was charged/);
  });

  it('always gives back exactly the amount, from no movement more than it holds, whatever their order', () => {
    const movement = fc
      .record({
        grant: fc.constantFrom(null, 'a', 'b', 'c'),
        at: fc.nat(5),
        amount: fc.bigInt(1n, 10n ** 15n),
      })
      .map(({ grant, at, amount }) => moved(grant, at, amount));
    fc.assert(
      fc.property(fc.array(movement), fc.nat(1000), (movements, share) => {
        const net = netMovements(movements);
        const total = net.reduce((sum, { amountPicos }) => sum + amountPicos, 0n);
        const amount = (total * BigInt(share)) / 1000n;
        const returned = giveBack(net, amount, rank);
        expect(returned.reduce((sum, { amountPicos }) => sum + amountPicos, 0n)).toBe(amount);
        const left = netMovements([
          ...net,
          ...returned.map((one) => ({ ...one, amountPicos: -one.amountPicos })),
        ]);
        expect(left.every(({ amountPicos }) => amountPicos > 0n)).toBe(true);
        expect(giveBack(net.toReversed(), amount, rank)).toEqual(returned);
      }),
    );
  });
});
