/**
 * The rules of FOCUS that a Cost and Usage dataset of ours must keep, from the column files of the specification (1.2, and
 * what later versions renamed). Returns what is broken, a sentence each; an empty list is a dataset that conforms.
 */
import { readCsv } from './csv-reader.js';
import { checkColumnOrder, checkOnePrice, checkParents, type FocusRecord } from './focus-dataset.js';

export type { FocusRecord };

/** Cells by column name; an empty cell is null, as the specification has it. */
export function readFocus(csv: string): FocusRecord[] {
  const [header, ...rows] = readCsv(csv);
  if (header === undefined) throw new Error('there is no header');
  return rows.map((row) => {
    if (row.length !== header.length)
      throw new Error(`a row of ${row.length} cells under ${header.length} columns`);
    return Object.fromEntries(row.map((cell, index) => [header[index]!, cell === '' ? null : cell]));
  });
}

/** Picodollars of a printed cost. */
export function picosOf(cost: string | null | undefined): bigint {
  const { digits, scale } = decimalOf(cost ?? '');
  if (scale > 12) throw new Error(`${cost} is finer than a picodollar`);
  return digits * 10n ** BigInt(12 - scale);
}

export function sumPicos(rows: readonly FocusRecord[], column: string): bigint {
  return rows.reduce((sum, row) => sum + picosOf(row[column]), 0n);
}

const NOT_NULL = [
  'BilledCost',
  'EffectiveCost',
  'ListCost',
  'ContractedCost',
  'BillingAccountId',
  'BillingAccountName',
  'BillingCurrency',
  'BillingPeriodStart',
  'BillingPeriodEnd',
  'ChargePeriodStart',
  'ChargePeriodEnd',
  'ChargeCategory',
  'ChargeDescription',
  'ChargeFrequency',
  'InvoiceIssuerName',
  'ProviderName',
  'PublisherName',
  'HostProviderName',
  'ServiceProviderName',
  'ServiceCategory',
  'ServiceSubcategory',
  'ServiceName',
];
const PRESENT = [
  ...NOT_NULL,
  'ChargeClass',
  'PricingQuantity',
  'PricingUnit',
  'ConsumedQuantity',
  'ConsumedUnit',
  'ListUnitPrice',
  'ContractedUnitPrice',
  'PricingCategory',
  'SkuId',
  'SkuMeter',
  'SkuPriceId',
  'SkuPriceDetails',
  'InvoiceId',
  'SubAccountId',
  'SubAccountName',
  'SubAccountType',
  'Tags',
];
const NUMBERS =
  /^(BilledCost|EffectiveCost|ListCost|ContractedCost|PricingQuantity|ConsumedQuantity|ListUnitPrice|ContractedUnitPrice)$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d*[1-9])?$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const FORMULA = /^[=+\-@\t\r]/;

/** Consumed and pricing units that belong together. */
const UNITS = [
  ['Tokens', '1000000 Tokens'],
  ['Characters', '1000000 Characters'],
  ...['Seconds', 'Requests', 'Web Searches', 'Queries', 'Pages', 'Images', 'Sessions'].map((unit) => [
    unit,
    unit,
  ]),
] as const;

const ASCII = ['SkuId', 'SkuPriceId', 'ChargeDescription'];

const ALLOWED: Readonly<Record<string, readonly (string | null)[]>> = {
  ChargeCategory: ['Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'],
  ChargeClass: [null, 'Correction'],
  ChargeFrequency: ['One-Time', 'Recurring', 'Usage-Based'],
  PricingCategory: [null, 'Standard', 'Dynamic', 'Committed', 'Other'],
  ServiceCategory: ['AI and Machine Learning'],
  ServiceSubcategory: ['Generative AI'],
  BillingCurrency: ['USD'],
  ConsumedUnit: [null, ...UNITS.map(([consumed]) => consumed)],
  PricingUnit: [null, 'USD', ...UNITS.map(([, pricing]) => pricing)],
};

/** A rule says what is wrong with a row, or null. */
type Rule = (row: FocusRecord) => string | null;

const RULES: readonly Rule[] = [
  (row) =>
    broken(
      NOT_NULL.find((column) => row[column] === null),
      (column) => `${column} is null`,
    ),
  (row) =>
    broken(
      Object.entries(ALLOWED).find(([column, values]) => !values.includes(row[column] ?? null)),
      ([column]) => `${column} must not be ${row[column]}`,
    ),
  (row) =>
    broken(
      Object.entries(row).find(
        ([column, cell]) => NUMBERS.test(column) && cell !== null && !NUMBER.test(cell),
      ),
      ([column, cell]) => `${column} is no plain decimal: ${cell}`,
    ),
  (row) =>
    broken(
      Object.entries(row).find(([column, cell]) => !NUMBERS.test(column) && FORMULA.test(cell ?? '')),
      ([column, cell]) => `${column} could be a formula: ${cell}`,
    ),
  (row) =>
    broken(
      Object.values(row).find((cell) => cell?.trim() === ''),
      () => 'a cell is blank',
    ),
  periods('BillingPeriodStart', 'BillingPeriodEnd'),
  periods('ChargePeriodStart', 'ChargePeriodEnd'),
  together('ConsumedQuantity', 'ConsumedUnit'),
  together('PricingQuantity', 'PricingUnit'),
  together('SkuId', 'SkuMeter'),
  together('SubAccountId', 'SubAccountType'),
  together('SubAccountId', 'SubAccountName'),
  product('ListUnitPrice', 'ListCost'),
  product('ContractedUnitPrice', 'ContractedCost'),
  pricedCharge,
  unpricedCharge,
  units,
  (row) =>
    broken(
      ASCII.find((column) => /[^ -~]/.test(row[column] ?? '')),
      (column) => `${column} is not ASCII: ${row[column]}`,
    ),
  consumption,
  correction,
  (row) =>
    row['ChargeCategory'] === 'Purchase' &&
    (row['EffectiveCost'] !== '0' || row['ChargeFrequency'] === 'Usage-Based')
      ? 'a purchase that covers later charges is effective at 0 and not usage-based'
      : null,
  (row) =>
    row['ChargeCategory'] === 'Credit' &&
    new Set([row['BilledCost'], row['EffectiveCost'], row['ListCost'], row['ContractedCost']]).size > 1
      ? 'the costs of a credit differ'
      : null,
  (row) => {
    const negative = ['ListUnitPrice', 'ContractedUnitPrice'].find((column) => row[column]?.startsWith('-'));
    return broken(negative, (column) => `${column} is negative`);
  },
];

export function checkFocus(csv: string): string[] {
  const rows = readFocus(csv);
  const header = readCsv(csv)[0] ?? [];
  return [
    ...PRESENT.filter((column) => !header.includes(column)).map((column) => `${column} is missing`),
    ...checkColumnOrder(header),
    ...rows.flatMap((row, index) =>
      RULES.map((rule) => rule(row))
        .filter((said) => said !== null)
        .map((said) => `row ${index + 1}: ${said}`),
    ),
    ...checkParents(rows),
    ...checkOnePrice(rows),
  ];
}

function broken<T>(found: T | undefined, say: (found: T) => string): string | null {
  return found === undefined ? null : say(found);
}

function periods(start: string, end: string): Rule {
  return (row) => {
    const [from, to] = [row[start] ?? '', row[end] ?? ''];
    if (!TIME.test(from) || !TIME.test(to)) return `${start} or ${end} is no UTC time: ${from} ${to}`;
    return from < to ? null : `${start} is not before ${end}`;
  };
}

function together(quantity: string, unit: string): Rule {
  return (row) =>
    (row[quantity] === null) === (row[unit] === null)
      ? null
      : `${quantity} and ${unit} are not null together`;
}

function product(unitPrice: string, cost: string): Rule {
  return (row) => {
    const [price, quantity] = [row[unitPrice] ?? null, row['PricingQuantity'] ?? null];
    if (price === null || quantity === null) return null;
    const [a, b, c] = [decimalOf(price), decimalOf(quantity), decimalOf(row[cost] ?? '')];
    const equal =
      a.digits * b.digits * 10n ** BigInt(c.scale) === c.digits * 10n ** BigInt(a.scale + b.scale);
    return equal ? null : `${price} × ${quantity} is not ${row[cost]} (${cost})`;
  };
}

function pricedCharge(row: FocusRecord): string | null {
  if (row['ChargeClass'] === 'Correction') return null;
  if (row['ChargeCategory'] !== 'Usage' && row['ChargeCategory'] !== 'Purchase') return null;
  if (row['x_IsUnpriced'] === 'true') return null;
  const needed = [
    'PricingQuantity',
    'PricingUnit',
    'PricingCategory',
    'SkuId',
    'SkuPriceId',
    'ListUnitPrice',
    'ContractedUnitPrice',
  ];
  return broken(
    needed.find((column) => row[column] === null),
    (column) => `${column} of ${row['ChargeCategory']} is null`,
  );
}

/** What has no price yet has a SKU and a quantity, no price of any kind, and costs nothing. */
function unpricedCharge(row: FocusRecord): string | null {
  if (row['x_IsUnpriced'] !== 'true') return null;
  const prices = [
    'ListUnitPrice',
    'ContractedUnitPrice',
    'SkuPriceId',
    'SkuPriceDetails',
    'x_PriceId',
    'x_RateId',
  ];
  const costs = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'];
  const known = ['SkuId', 'SkuMeter', 'PricingQuantity', 'PricingUnit', 'PricingCategory'];
  return (
    broken(
      prices.find((column) => row[column] !== null),
      (column) => `${column} without a price`,
    ) ??
    broken(
      costs.find((column) => row[column] !== '0'),
      (column) => `${column} without a price`,
    ) ??
    broken(
      known.find((column) => row[column] === null),
      (column) => `${column} of Usage is null`,
    )
  );
}

/** Quantities and prices have units that fit each other. */
function units(row: FocusRecord): string | null {
  const [consumed, pricing] = [row['ConsumedUnit'] ?? null, row['PricingUnit'] ?? null];
  if (consumed === null || pricing === null) return null;
  return UNITS.some((pair) => pair[0] === consumed && pair[1] === pricing)
    ? null
    : `${consumed} are not priced in ${pricing}`;
}

function consumption(row: FocusRecord): string | null {
  const isNull = row['ConsumedQuantity'] === null;
  if (row['ChargeCategory'] !== 'Usage') return isNull ? null : 'something is consumed that is no usage';
  return isNull && row['ChargeClass'] === null ? 'usage consumes nothing' : null;
}

/** A charge of an earlier period is a correction, and nothing else is. */
function correction(row: FocusRecord): string | null {
  if (row['ChargeCategory'] === 'Purchase') return null;
  const earlier = (row['ChargePeriodStart'] ?? '') < (row['BillingPeriodStart'] ?? '');
  return earlier === (row['ChargeClass'] === 'Correction') ? null : 'ChargeClass does not fit the periods';
}

function decimalOf(text: string): { digits: bigint; scale: number } {
  if (!NUMBER.test(text)) throw new Error(`no decimal: ${text}`);
  const [whole = '', fraction = ''] = text.split('.');
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}
