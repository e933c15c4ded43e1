/** Facts of which FOCUS rows are made, and the file that they come to. */
import { issuedBy } from '../../src/reports/focus-columns.js';
import type { Period } from '../../src/domain/period.js';
import { focusHeader, focusLine } from '../../src/reports/focus-csv.js';
import type { DailyUsage, PaidGrantMovement } from '../../src/reports/focus-exports.sql.js';

export const PERIOD = '2026-11' as Period;

/** 812 input tokens, 512 of them cached, and 204 output tokens at $0.71, $0.35 and $0.71. */
export function aUsage(override: Partial<DailyUsage> = {}): DailyUsage {
  return {
    entity: 'entity1',
    project: 'project1',
    model: 'llama',
    day: new Date('2026-11-22T00:00:00Z'),
    serviceTier: 'default',
    rateId: 9n,
    priceId: 7n,
    requests: 1n,
    quantities: { input: 300n, cached_input: 512n, output: 204n },
    costPicos: 300n * 710_000n + 512n * 350_000n + 204n * 710_000n,
    paidBurntPicos: 0n,
    promotionalBurntPicos: 0n,
    unitPrices: { input: 710_000n, cached_input: 350_000n, output: 710_000n },
    listUnitPrices: null,
    invoiceId: null,
    ...override,
  };
}

export function aMovement(override: Partial<PaidGrantMovement> = {}): PaidGrantMovement {
  return {
    kind: 'purchase',
    category: 'paid',
    boughtAt: new Date('2026-11-22T12:00:00.500Z'),
    entity: 'entity1',
    grantId: 'grant_1',
    amountPicos: 500n * 10n ** 12n,
    bookedAt: new Date('2026-11-22T12:00:00.500Z'),
    effectiveAt: new Date('2026-11-22T12:00:00.500Z'),
    expiresAt: null,
    reference: 'inv_42',
    invoiceId: null,
    ...override,
  };
}

export const csvOf = (rows: readonly Parameters<typeof focusLine>[0][]) =>
  focusHeader() + rows.map((row) => focusLine(issuedBy('Tally', row))).join('');
