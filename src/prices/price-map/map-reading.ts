/** What is gathered while the fields of an entry are read. */
import type { Meter } from '../../domain/meters.js';
import type { ConditionsBody } from '../price-terms.schema.js';
import type { FieldName } from './field-name.js';
import { readDollars, readMultiplier, type MapNumber } from './map-number.js';

/** One price: of a meter, under conditions (none for the base). */
export type Claim = FieldName & { readonly field: string; readonly picos: bigint };

type Uplift = { readonly when: ConditionsBody; readonly multiplier: string };

export type Reading = {
  readonly claims: Claim[];
  readonly uplifts: Uplift[];
  /** Fields whose value was rounded. */
  readonly rounded: string[];
  /** Fields that speak of money which Tally cannot charge. */
  readonly uncharged: string[];
  /** Why the entry cannot be taken at all. */
  readonly faults: string[];
};

export function newReading(): Reading {
  return { claims: [], uplifts: [], rounded: [], uncharged: [], faults: [] };
}

export type Entry = Readonly<Record<string, unknown>>;

export function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds a price, or says what is wrong with it. A field that is null is one that is missing. */
export function claim(
  reading: Reading,
  of: { field: string; name: FieldName; value: unknown },
  read: (value: unknown, meter: Meter) => MapNumber | null = readDollars,
): void {
  const { field, name, value } = of;
  if (value === null || value === undefined) return;
  const number = read(value, name.meter);
  if (number === null) {
    reading.faults.push(`${field} is no price: ${shown(value)}`);
    return;
  }
  if (number.rounded) reading.rounded.push(field);
  reading.claims.push({ ...name, field, picos: number.picos });
}

/** Adds a multiplier; one that changes nothing is none. */
export function uplift(reading: Reading, of: { field: string; when: ConditionsBody; value: unknown }): void {
  const { field, when, value } = of;
  if (value === null || value === undefined) return;
  const multiplier = readMultiplier(value);
  if (multiplier === null) reading.uncharged.push(field);
  else if (multiplier !== '1') reading.uplifts.push({ when, multiplier });
}

/** Whether all numbers in it are 0: nothing is lost by leaving it out. */
export function isZeroThroughout(value: unknown): boolean {
  if (typeof value === 'number') return value === 0;
  if (typeof value === 'string') return value.trim() === '' || Number(value) === 0;
  if (Array.isArray(value)) return value.every(isZeroThroughout);
  return isEntry(value) ? Object.values(value).every(isZeroThroughout) : true;
}

export function shown(value: unknown): string {
  return (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))).slice(0, 64);
}
