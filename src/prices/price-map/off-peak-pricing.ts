/**
 * `off_peak_pricing`: prices that hold at some hours. They replace whatever else would hold, sizes and tiers included; what they
 * leave out stays as it is.
 */
import type { ConditionsBody } from '../price-terms.schema.js';
import { readFieldName, speaksOfMoney } from './field-name.js';
import { claim, isEntry, newReading, type Entry, type Reading } from './map-reading.js';
import { daysInUtc, readHours, type Hours } from './utc-hours.js';

const FIELD = 'off_peak_pricing';

/** Last of all fields: it adds to the prices that have conditions already. */
export function readOffPeakPricing(reading: Reading, value: unknown): void {
  if (value === null || value === undefined) return;
  const own = newReading();
  const hours = isEntry(value) ? readWindows(value) : null;
  if (hours === null || !readPrices(own, value as Entry)) {
    reading.uncharged.push(FIELD);
    return;
  }
  reading.rounded.push(...own.rounded);
  reading.faults.push(...own.faults);
  const others = [...reading.claims];
  for (const { utc, weekdays } of hours) {
    const when: ConditionsBody = { utc: [...utc], ...(weekdays && { weekdays: [...weekdays] }) };
    for (const one of own.claims) {
      reading.claims.push({ ...one, when });
      for (const other of others) {
        if (other.meter !== one.meter || Object.keys(other.when).length === 0) continue;
        reading.claims.push({ ...one, kind: other.kind, when: { ...other.when, ...when } });
      }
    }
  }
}

function readPrices(own: Reading, block: Entry): boolean {
  for (const [field, value] of Object.entries(block)) {
    if (!speaksOfMoney(field)) continue;
    const name = readFieldName(field);
    if (name === null || Object.keys(name.when).length > 0) {
      if (value === 0) continue;
      return false;
    }
    claim(own, { field: `${FIELD}.${field}`, name, value });
  }
  return own.claims.length > 0 || own.faults.length > 0;
}

/** Null where the hours cannot be read: a price that holds at unknown times is none. */
function readWindows(block: Entry): Hours[] | null {
  const rules: unknown[] = [];
  if (block['hours_utc'] !== undefined) rules.push({ hours_utc: block['hours_utc'] });
  if (block['windows'] !== undefined) {
    if (!Array.isArray(block['windows'])) return null;
    rules.push(...(block['windows'] as unknown[]));
  }
  const hours: Hours[] = [];
  for (const rule of rules) {
    const read = isEntry(rule) ? readHours(rule['hours_utc'], rule['weekdays']) : null;
    const inUtc = read === null ? null : daysInUtc(read, block['weekday_timezone']);
    if (inUtc === null) return null;
    hours.push(...inUtc);
  }
  return hours.length > 0 && hours.length <= RULES_MAX ? hours : null;
}

const RULES_MAX = 20;
