import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatUsd, NANOS_MAX } from '@tally/client/protocol';
import { TallyError } from '../../src/domain/errors.js';
import {
  formatUsdPerMillion,
  holdNanos,
  parseUsd,
  parseUsdPerMillion,
  roomNanos,
  roundHalfEvenToCents,
} from '../../src/domain/money.js';

const picos = fc.bigInt({ min: 0n, max: 10n ** 24n });

describe('money', () => {
  it('prints what it reads and reads what it prints', () => {
    fc.assert(
      fc.property(picos, (amount) => {
        expect(parseUsd(formatUsd(amount), 'amount')).toBe(amount);
        expect(formatUsd(-amount)).toBe(amount === 0n ? '0' : `-${formatUsd(amount)}`);
      }),
    );
  });

  it('prints no exponent and no trailing zero', () => {
    expect(formatUsd(1_303_560_000n)).toBe('0.00130356');
    expect(formatUsd(500n * 10n ** 12n)).toBe('500');
    expect(formatUsd(1n)).toBe('0.000000000001');
    expect(formatUsd(0n)).toBe('0');
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '1.',
    '.5',
    '1e3',
    '1,000',
    '$1',
    'NaN',
    '0x10',
    '-1',
    '1.0000000000001',
    '9'.repeat(21),
  ])('refuses %j and names the field', (text) => {
    expect(() => parseUsd(text, 'amount_usd')).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'amount_usd' }),
    );
  });

  it('reads a price per million tokens as whole picodollars per token', () => {
    expect(parseUsdPerMillion('0.71', 'p')).toBe(710_000n);
    expect(parseUsdPerMillion('0.000001', 'p')).toBe(1n);
    expect(formatUsdPerMillion(710_000n)).toBe('0.71');
  });

  it('refuses a price above $10,000 per million tokens or with more than 6 decimals', () => {
    expect(parseUsdPerMillion('10000', 'p')).toBe(10n ** 10n);
    expect(() => parseUsdPerMillion('10000.000001', 'p')).toThrow(TallyError);
    expect(() => parseUsdPerMillion('0.0000001', 'p')).toThrow(TallyError);
  });

  it('rounds room down and holds up, so that nanodollars never admit what picodollars would not', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), picos, (room, hold) => {
        expect(BigInt(roomNanos(room)) * 1_000n <= room || roomNanos(room) === -NANOS_MAX).toBe(true);
        expect(BigInt(holdNanos(hold)) * 1_000n >= hold || holdNanos(hold) === NANOS_MAX).toBe(true);
        expect(Number.isSafeInteger(roomNanos(room)) && Number.isSafeInteger(holdNanos(hold))).toBe(true);
      }),
    );
  });

  it('rounds to cents half to even, and by at most half a cent', () => {
    const cent = 10n ** 10n;
    expect(roundHalfEvenToCents(cent / 2n)).toBe(0n);
    expect(roundHalfEvenToCents(cent + cent / 2n)).toBe(2n);
    expect(roundHalfEvenToCents(cent / 2n + 1n)).toBe(1n);
    expect(roundHalfEvenToCents(-(cent + cent / 2n))).toBe(-2n);
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (amount) => {
        const error = roundHalfEvenToCents(amount) * cent - amount;
        expect((error < 0n ? -error : error) * 2n <= cent).toBe(true);
      }),
    );
  });
});
