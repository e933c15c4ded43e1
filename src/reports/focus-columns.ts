/**
 * Computes the columns of FOCUS, the FinOps Open Cost and Usage Specification, from usage and credits. Pure.
 *
 * | fact                          | row        | BilledCost         | EffectiveCost |
 * | usage                         | Usage      | cost − paid burns  | cost          |
 * | promotional credits in usage  | Credit     | − burnt            | − burnt       |
 * | credits bought                | Purchase   | amount             | 0             |
 * | credits refunded              | Purchase   | − amount           | 0             |
 * | bought credits expired, void  | Adjustment | 0                  | what was left |
 * | debt of a void paid by bought | Adjustment | 0                  | amount        |
 * | debt of a refund paid by gift | Adjustment | 0                  | − amount      |
 * | rounding of the statement     | Adjustment | cents − exact      | cents − exact |
 *
 * So a period's BilledCost is what its statement asks to pay: its overage plus its purchases less its refunds, in cents. And once the bought credits are used up, expired or void,
 * Σ EffectiveCost = Σ BilledCost. What a debt of a refund was for is effective as the usage
 * that burnt it, and billed with the purchase that pays it. Usage of an earlier month that this period bills (late, voided or re-rated after that month was
 * closed) is a Correction.
 */
import { formatUsd } from '@tally/client/protocol';
import { DAY_MS } from '../domain/buckets.js';
import { allot } from './allotment.js';
import { chargesByMeter, type MeterCharge } from '../domain/meter-charges.js';
import { isPricedByMillion, METERS } from '../domain/meters.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { formatUnitPrice } from '../prices/price-terms.js';
import type { DailyUsage, PaidGrantMovement } from './focus-exports.sql.js';
import { amountOf, billedOf } from '../periods/statement-lines.js';
import type { Billed } from './focus-rounding.sql.js';
import type { FocusRow } from './focus-csv.js';
import { asciiOf, consumedUnitOf, pricingUnitOf, skuIdOf, skuMeterOf, skuPriceIdOf } from './focus-meters.js';

const PICOS_PER_CENT = 10_000_000_000n;
const CREDITS_SKU = 'prepaid-credits';

/** One row for each meter, and one for the promotional credits among what paid. */
export function usageRows(usage: DailyUsage, period: Period): FocusRow[] {
  const charges = chargesWithPayer(usage);
  const paid = paidByMeter(charges, usage.paidBurntPicos);
  const rows = charges.map((charge, index) =>
    usageRow(usage, period, { ...charge, paidPicos: paid[index] ?? 0n }),
  );
  if (usage.promotionalBurntPicos === 0n) return rows;
  return [...rows, creditRow(usage, period)];
}

/** Where all quantities cancel out and only who paid has changed, a charge of nothing carries the difference. */
function chargesWithPayer(usage: DailyUsage): MeterCharge[] {
  const charges = chargesByMeter(usage);
  if (usage.paidBurntPicos === 0n || charges.some(({ unitPicos }) => unitPicos !== null)) return charges;
  const meter = METERS.find((each) => usage.unitPrices?.[each] !== undefined) ?? 'input';
  return [{ meter, quantity: 0n, unitPicos: usage.unitPrices?.[meter] ?? null, costPicos: 0n }, ...charges];
}

/**
 * What bought credits paid of a day, allotted to the meters in proportion to their cost. If a correction changed only who paid, and no
 * cost, the first meter that has a price gets the difference.
 */
function paidByMeter(charges: readonly MeterCharge[], paidBurntPicos: bigint): bigint[] {
  const weights = charges.map(({ costPicos }) => (costPicos < 0n ? -costPicos : costPicos));
  if (weights.some((weight) => weight > 0n)) return allot(paidBurntPicos, weights);
  const first = charges.findIndex(({ unitPicos }) => unitPicos !== null);
  return charges.map((_, index) => (index === Math.max(first, 0) ? paidBurntPicos : 0n));
}

function usageRow(usage: DailyUsage, period: Period, charge: MeterCharge & { paidPicos: bigint }): FocusRow {
  const { meter, quantity, costPicos, paidPicos } = charge;
  const cost = formatUsd(costPicos);
  return {
    ...ofDay(usage, period),
    BilledCost: formatUsd(costPicos - paidPicos),
    EffectiveCost: cost,
    ContractedCost: cost,
    ListCost: cost,
    ChargeCategory: 'Usage',
    ChargeDescription: asciiOf(`${skuMeterOf(meter)} of ${usage.model}`),
    ConsumedQuantity: String(quantity),
    ConsumedUnit: consumedUnitOf(meter),
    PricingCategory: 'Standard',
    PricingQuantity: isPricedByMillion(meter) ? formatMillions(quantity) : String(quantity),
    PricingUnit: pricingUnitOf(meter),
    SkuId: skuIdOf(usage.model, meter),
    SkuMeter: skuMeterOf(meter),
    SkuPriceDetails: JSON.stringify({ x_Meter: meter }),
    x_ServiceTier: usage.serviceTier,
    ...priceColumns(usage, charge),
  };
}

/** What has no price yet has no columns of one: a price of 0 would say that it is free. */
function priceColumns(usage: DailyUsage, { meter, quantity, unitPicos }: MeterCharge): Partial<FocusRow> {
  if (unitPicos === null) {
    return {
      ChargeDescription: asciiOf(`${skuMeterOf(meter)} of ${usage.model}, no price yet`),
      SkuPriceDetails: null,
      x_IsUnpriced: 'true',
    };
  }
  const listPicos = usage.listUnitPrices?.[meter] ?? unitPicos;
  const { rateId, priceId } = usage;
  return {
    ContractedUnitPrice: formatUnitPrice(meter, unitPicos),
    ListCost: formatUsd(quantity * listPicos),
    ListUnitPrice: formatUnitPrice(meter, listPicos),
    SkuPriceId: skuPriceIdOf(skuIdOf(usage.model, meter), { rateId, unitPicos, listPicos }),
    x_PriceId: String(priceId),
    x_RateId: String(rateId),
  };
}

function creditRow(usage: DailyUsage, period: Period): FocusRow {
  const credit = formatUsd(-usage.promotionalBurntPicos);
  return {
    ...ofDay(usage, period),
    BilledCost: credit,
    EffectiveCost: credit,
    ContractedCost: credit,
    ListCost: credit,
    ChargeCategory: 'Credit',
    ChargeDescription: asciiOf(`Promotional credits for ${usage.model}`),
  };
}

/** The columns that all rows of a day's usage share. */
function ofDay(usage: DailyUsage, period: Period): FocusRow {
  return {
    ...blank(usage, period),
    ChargeClass: periodOf(usage.day) === period ? null : 'Correction',
    ChargeFrequency: 'Usage-Based',
    ChargePeriodStart: formatTime(usage.day),
    ChargePeriodEnd: formatTime(new Date(usage.day.getTime() + DAY_MS)),
    SubAccountId: usage.project,
    SubAccountName: usage.project,
    SubAccountType: 'Project',
    x_Model: usage.model,
  };
}

/** One row for what happened to bought credits. */
export function grantRow(movement: PaidGrantMovement, period: Period): FocusRow {
  const common = { ...blank(movement, period), ChargeFrequency: 'One-Time', x_GrantId: movement.grantId };
  const amount = formatUsd(movement.amountPicos);
  const { kind } = movement;
  if (kind === 'purchase') return { ...common, ...purchaseOf(movement, amount) };
  if (kind === 'refund' || kind === 'refund_debt') return { ...common, ...refundOf(movement, period) };
  const isGift = kind === 'debt_payment' && movement.category === 'promotional';
  return {
    ...common,
    EffectiveCost: isGift ? formatUsd(-movement.amountPicos) : amount,
    ChargeCategory: 'Adjustment',
    ChargeDescription: ADJUSTMENTS[kind],
    ...secondOf(movement.bookedAt),
  };
}

const ADJUSTMENTS = {
  expiry: 'Prepaid credits expired',
  void: 'Prepaid credits voided',
  debt_payment: 'Credits that paid for credits taken back',
} as const;

/** The purchase with the opposite sign; a correction where the purchase was billed in an earlier period. */
function refundOf(movement: PaidGrantMovement, period: Period) {
  const { reference, amountPicos, boughtAt } = movement;
  return {
    ...purchaseOf(movement, formatUsd(-amountPicos)),
    ChargeClass: periodOf(boughtAt) === period ? null : 'Correction',
    ChargeDescription: asciiOf(`Refund of prepaid credits${reference === null ? '' : `: ${reference}`}`),
  };
}

/** What the statement's cents differ from its exact amount, in a row of its own. Null where they do not. */
export function roundingRow(billed: Billed, period: Period): FocusRow | null {
  const { total } = billedOf(amountOf(billed.chargesPicos), billed);
  const differencePicos = total.cents * PICOS_PER_CENT - total.exactPicos;
  if (differencePicos === 0n) return null;
  const difference = formatUsd(differencePicos);
  return {
    ...blank(billed, period),
    BilledCost: difference,
    EffectiveCost: difference,
    ContractedCost: difference,
    ListCost: difference,
    ChargeCategory: 'Adjustment',
    ChargeDescription: 'Rounding of the statement to cents',
    ChargeFrequency: 'One-Time',
    ChargePeriodStart: formatTime(periodStart(period)),
    ChargePeriodEnd: formatTime(periodEnd(period)),
  };
}

/** Billed now, effective as usage burns it. Its charge period is the time in which the credits are valid. */
function purchaseOf(movement: PaidGrantMovement, amount: string) {
  const { effectiveAt, expiresAt, reference } = movement;
  return {
    BilledCost: amount,
    ContractedCost: amount,
    ContractedUnitPrice: '1',
    ListCost: amount,
    ListUnitPrice: '1',
    ChargeCategory: 'Purchase',
    ChargeDescription: reference === null ? 'Prepaid credits' : asciiOf(`Prepaid credits: ${reference}`),
    ChargePeriodStart: formatTime(effectiveAt),
    ChargePeriodEnd: formatTime(ceilToSecond(expiresAt ?? periodEnd(periodOf(effectiveAt)))),
    PricingCategory: 'Standard',
    PricingQuantity: amount,
    PricingUnit: 'USD',
    SkuId: CREDITS_SKU,
    SkuMeter: 'Prepaid Credits',
    SkuPriceId: `${CREDITS_SKU}-usd`,
  };
}

/** The service and the billing period (`issuedBy` adds the provider); every other column is null or zero. */
function blank(of: { entity: string; invoiceId: string | null }, period: Period): FocusRow {
  return {
    BilledCost: '0',
    BillingAccountId: of.entity,
    BillingAccountName: of.entity,
    BillingCurrency: 'USD',
    BillingPeriodEnd: formatTime(periodEnd(period)),
    BillingPeriodStart: formatTime(periodStart(period)),
    ChargeCategory: null,
    ChargeClass: null,
    ChargeDescription: null,
    ChargeFrequency: null,
    ChargePeriodEnd: null,
    ChargePeriodStart: null,
    ConsumedQuantity: null,
    ConsumedUnit: null,
    ContractedCost: '0',
    ContractedUnitPrice: null,
    EffectiveCost: '0',
    HostProviderName: null,
    InvoiceId: of.invoiceId,
    InvoiceIssuerName: null,
    ListCost: '0',
    ListUnitPrice: null,
    PricingCategory: null,
    PricingQuantity: null,
    PricingUnit: null,
    ProviderName: null,
    PublisherName: null,
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: 'LLM Inference',
    ServiceProviderName: null,
    ServiceSubcategory: 'Generative AI',
    SkuId: null,
    SkuMeter: null,
    SkuPriceDetails: null,
    SkuPriceId: null,
    SubAccountId: null,
    SubAccountName: null,
    SubAccountType: null,
    // Of all requests of a row; what a request's own tags say is in the usage by tag.
    Tags: null,
    x_GrantId: null,
    x_IsUnpriced: null,
    x_Model: null,
    x_PriceId: null,
    x_RateId: null,
    x_ServiceTier: null,
  };
}

/** The same row with the one who sells, hosts and bills. */
export function issuedBy(seller: string, row: FocusRow): FocusRow {
  return {
    ...row,
    HostProviderName: seller,
    InvoiceIssuerName: seller,
    ProviderName: seller,
    PublisherName: seller,
    ServiceProviderName: seller,
  };
}

/** The second of booking, for a charge without a duration. */
function secondOf(time: Date): Pick<FocusRow, 'ChargePeriodStart' | 'ChargePeriodEnd'> {
  const start = new Date(Math.floor(time.getTime() / 1000) * 1000);
  return {
    ChargePeriodStart: formatTime(start),
    ChargePeriodEnd: formatTime(new Date(start.getTime() + 1000)),
  };
}

function ceilToSecond(time: Date): Date {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000);
}

/** `YYYY-MM-DDTHH:mm:ssZ`. */
function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** In millions, exactly: 1016 → `0.001016`. */
function formatMillions(quantity: bigint): string {
  return formatUsd(quantity * 1_000_000n);
}
