/**
 * Computes the columns of FOCUS, the FinOps Open Cost and Usage Specification, from usage and credits. Pure.
 *
 * | fact                          | row        | BilledCost         | EffectiveCost |
 * | usage                         | Usage      | cost − paid burns  | cost          |
 * | promotional credits in usage  | Credit     | − burnt            | − burnt       |
 * | credits bought                | Purchase   | amount             | 0             |
 * | bought credits expired, void  | Adjustment | 0                  | what was left |
 *
 * So a period's BilledCost is its overage plus its purchases, and once the bought credits are used up, expired or void,
 * Σ EffectiveCost = Σ BilledCost. Usage of an earlier month that this period bills (late, voided or re-rated after that month was
 * closed) is a Correction.
 */
import { formatUsd } from '@tally/client/protocol';
import { DAY_MS } from '../domain/buckets.js';
import { allot } from './allotment.js';
import { formatUsdPerMillion } from '../domain/money.js';
import { periodEnd, periodOf, periodStart, type Period } from '../domain/period.js';
import { chargesByClass, type ByClass, type ClassCharge } from '../domain/token-classes.js';
import type { DailyUsage, PaidGrantMovement } from './focus-exports.sql.js';
import type { FocusRow } from './focus-csv.js';

const CREDITS_SKU = 'prepaid-credits';

const METERS: ByClass<string> = {
  input: 'Input Tokens',
  cached_input: 'Cache Read Input Tokens',
  output: 'Output Tokens',
};

const SKU_SUFFIXES: ByClass<string> = { input: 'input', cached_input: 'cached-input', output: 'output' };

/** One row for each class of tokens, and one for the promotional credits among what paid. */
export function usageRows(usage: DailyUsage, period: Period): FocusRow[] {
  const charges = chargesByClass(usage);
  const paid = paidByClass(charges, usage.paidBurntPicos);
  const rows = charges.flatMap((charge, index) => {
    const paidPicos = paid[index] ?? 0n;
    return charge.tokens === 0n && paidPicos === 0n
      ? []
      : [usageRow(usage, period, { ...charge, paidPicos })];
  });
  if (usage.promotionalBurntPicos === 0n) return rows;
  return [...rows, creditRow(usage, period)];
}

/**
 * What bought credits paid of a day, allotted to the token classes in proportion to their cost. If a correction changed only who paid,
 * and no cost, the first class gets the difference.
 */
function paidByClass(charges: readonly ClassCharge[], paidBurntPicos: bigint): bigint[] {
  const weights = charges.map(({ costPicos }) => (costPicos < 0n ? -costPicos : costPicos));
  if (weights.every((weight) => weight === 0n))
    return charges.map((_, index) => (index === 0 ? paidBurntPicos : 0n));
  return allot(paidBurntPicos, weights);
}

function usageRow(
  usage: DailyUsage,
  period: Period,
  { tokenClass, tokens, picosPerToken, costPicos, paidPicos }: ClassCharge & { paidPicos: bigint },
): FocusRow {
  const listPicosPerToken = usage.listUnitPrices?.[tokenClass] ?? picosPerToken ?? 0n;
  const skuId = `${usage.model}-${SKU_SUFFIXES[tokenClass]}`;
  const cost = formatUsd(costPicos);
  return {
    ...ofDay(usage, period),
    BilledCost: formatUsd(costPicos - paidPicos),
    EffectiveCost: cost,
    ContractedCost: cost,
    ContractedUnitPrice: formatUsdPerMillion(picosPerToken ?? 0n),
    ListCost: formatUsd(tokens * listPicosPerToken),
    ListUnitPrice: formatUsdPerMillion(listPicosPerToken),
    ChargeCategory: 'Usage',
    ChargeDescription: `${METERS[tokenClass]} of ${usage.model}${picosPerToken === null ? ', no price yet' : ''}`,
    ConsumedQuantity: String(tokens),
    ConsumedUnit: 'Tokens',
    PricingCategory: 'Standard',
    PricingQuantity: formatMillions(tokens),
    PricingUnit: '1000000 Tokens',
    SkuId: skuId,
    SkuMeter: METERS[tokenClass],
    SkuPriceDetails: `{"x_TokenClass":"${tokenClass}"}`,
    SkuPriceId: `${skuId}-ondemand`,
    x_IsUnpriced: picosPerToken === null ? 'true' : null,
    x_PriceId: picosPerToken === null ? null : String(usage.priceId),
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
    ChargeDescription: `Promotional credits for ${usage.model}`,
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
  if (movement.kind === 'purchase') return { ...common, ...purchaseOf(movement, amount) };
  return {
    ...common,
    EffectiveCost: amount,
    ChargeCategory: 'Adjustment',
    ChargeDescription: `Prepaid credits ${movement.kind === 'expiry' ? 'expired' : 'voided'}`,
    ...secondOf(movement.bookedAt),
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
    ChargeDescription: reference === null ? 'Prepaid credits' : `Prepaid credits: ${reference}`,
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

/** The provider, the service and the billing period; every other column is null or zero. */
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
    HostProviderName: 'Tally',
    InvoiceId: of.invoiceId,
    InvoiceIssuerName: 'Tally',
    ListCost: '0',
    ListUnitPrice: null,
    PricingCategory: null,
    PricingQuantity: null,
    PricingUnit: null,
    ProviderName: 'Tally',
    PublisherName: 'Tally',
    ServiceCategory: 'AI and Machine Learning',
    ServiceName: 'LLM Inference',
    ServiceProviderName: 'Tally',
    ServiceSubcategory: 'Generative AI',
    SkuId: null,
    SkuMeter: null,
    SkuPriceDetails: null,
    SkuPriceId: null,
    SubAccountId: null,
    SubAccountName: null,
    SubAccountType: null,
    x_GrantId: null,
    x_IsUnpriced: null,
    x_Model: null,
    x_PriceId: null,
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

/** Tokens in millions, exactly: 1016 → `0.001016`. */
function formatMillions(tokens: bigint): string {
  return formatUsd(tokens * 1_000_000n);
}
