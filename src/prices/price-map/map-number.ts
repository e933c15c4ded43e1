/** Numbers of price maps: doubles of US dollars, read from their shortest digits. There is no arithmetic on the double. */
import { TOKENS_MAX } from '@tally/client/protocol';
import { isPricedByMillion, type Meter } from '../../domain/meters.js';
import { dividedHalfEven, PRICE_PICOS_BY_MILLION_MAX, PRICE_PICOS_EACH_MAX } from '../../domain/money.js';

/**
 * How far a double may lie from the whole number of picodollars that it means: a millionth of a picodollar, or, of large prices, what
 * a few operations on doubles leave behind (0.30000000000000004). A third of a picodollar is no noise, however large the price.
 */
const NOISE_PARTS_OF_A_PICO = 1_000_000n;
const NOISE_PARTS_OF_A_PRICE = 10n ** 15n;

/** Far more digits and a far smaller exponent than any price has: what is longer is refused before it becomes a large integer. */
const NUMBER = /^(\d{1,40})(?:\.(\d{1,40}))?(?:e([+-]?\d{1,3}))?$/i;

export type MapNumber = {
  readonly picos: bigint;
  /** No whole picodollar was meant: it was rounded to one, half even. */
  readonly rounded: boolean;
};

/** US dollars for one token, second, …, or a text of such a number; null where it is no price that can be posted. */
export function readDollars(value: unknown, meter: Meter): MapNumber | null {
  return readScaled(value, { meter, decimals: 12 });
}

/** As `readDollars`, where the number is for a million. */
export function readDollarsPerMillion(value: unknown, meter: Meter): MapNumber | null {
  return readScaled(value, { meter, decimals: 6 });
}

/** As `readDollars`, where the number is for a thousand. */
export function readDollarsPerThousand(value: unknown, meter: Meter): MapNumber | null {
  return readScaled(value, { meter, decimals: 9 });
}

function readScaled(
  value: unknown,
  { meter, decimals }: { meter: Meter; decimals: number },
): MapNumber | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const match = NUMBER.exec(String(value));
  if (match === null) return null;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const power = decimals + Number(exponent) - fraction.length;
  const number = roundedToWhole(BigInt(whole + fraction), power);
  const most = isPricedByMillion(meter) ? PRICE_PICOS_BY_MILLION_MAX : PRICE_PICOS_EACH_MAX;
  return number.picos > most ? null : number;
}

/** `digits` × 10^`power` as an integer. */
function roundedToWhole(digits: bigint, power: number): MapNumber {
  if (power >= 0) return { picos: digits * 10n ** BigInt(power), rounded: false };
  const scale = 10n ** BigInt(-power);
  const picos = dividedHalfEven(digits, scale);
  const distance = picos * scale > digits ? picos * scale - digits : digits - picos * scale;
  const isNoise = distance * NOISE_PARTS_OF_A_PICO <= scale || distance * NOISE_PARTS_OF_A_PRICE <= digits;
  return { picos, rounded: !isNoise };
}

export function isTokenCount(value: unknown, atLeast: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= atLeast && value <= TOKENS_MAX;
}

/** A factor such as 1.1, as an admin would post it: above 0, at most 1,000, at most 6 decimals. Null for anything else. */
export function readMultiplier(value: unknown): string | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const match = /^(\d{1,4})(?:\.(\d{1,6}))?$/.exec(String(value));
  if (match === null || Number(value) <= 0 || Number(value) > 1_000) return null;
  const [, whole = '', fraction = ''] = match;
  const shortest = fraction.replace(/0+$/, '');
  return shortest === '' ? whole : `${whole}.${shortest}`;
}
