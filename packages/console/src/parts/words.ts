/** Numbers and changes as people read them. */
import { groupDigits, readableUsd } from './money.js';
import { meterLabel, type Quantities } from './meters.js';

export type Measure = 'cost' | 'tokens' | 'requests';
export const MEASURES = ['cost', 'tokens', 'requests'] as const;
export const MEASURE_LABELS: Readonly<Record<Measure, string>> = {
  cost: 'Cost',
  tokens: 'Tokens',
  requests: 'Requests',
};

/** `12.3%` */
export function percentText(perMille: number): string {
  return `${Math.floor(perMille / 10)}.${Math.abs(perMille % 10)}%`;
}

/** An exact measure: picodollars, tokens or requests. */
export function measured(value: bigint, show: Measure): string {
  return show === 'cost' ? readableUsd(value) : groupDigits(value);
}

/** Ticks are round numbers, and three digits tell even small ones apart. */
const TICK_DIGITS = 3;
const TICKS = Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: TICK_DIGITS });

/** For the axis of a chart. */
export function compact(value: number, show: Measure): string {
  const size = Math.abs(value);
  const hasCents = show === 'cost' && size >= 0.1 && size < 100 && !Number.isInteger(value);
  const text = hasCents ? size.toFixed(2) : TICKS.format(size);
  return `${value < 0 ? '−' : ''}${show === 'cost' ? '$' : ''}${text}`;
}

/** Above 999.9% a change is shown as a factor, up to ×100. */
const PER_MILLE_MAX = 9_999;
const FACTOR_MAX = 100;

/** A change in per mille as `+12.3%`, or `×12` for a large one. */
export function change(perMille: number | null): string {
  if (perMille === null) return '–';
  if (perMille > PER_MILLE_MAX) {
    const factor = Math.round(perMille / 1_000) + 1;
    return factor > FACTOR_MAX ? `over ×${FACTOR_MAX}` : `×${factor}`;
  }
  const sign = perMille > 0 ? '+' : perMille < 0 ? '−' : '';
  return `${sign}${percentText(Math.abs(perMille))}`;
}

/** A small part is never shown as 0%. */
export function percentOf(part: bigint, perMille: number): string {
  return perMille === 0 && part > 0n ? '<0.1%' : percentText(perMille);
}

/** A part of a whole in per mille, rounded; 0 where the whole is 0. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1_000);
}

/** `cache write 4,012, web search 2` */
export function othersText(others: Quantities): string {
  return Object.entries(others)
    .map(([meter, quantity]) => `${meterLabel(meter)} ${groupDigits(quantity)}`)
    .join(', ');
}
