/**
 * The FOCUS export as CSV: its columns in order, its header and its lines. They are the columns of the Cost and Usage dataset of FOCUS
 * 1.2 that apply to us, and the provider columns of 1.3 and later beside those they replace. Our own begin with `x_` and come last.
 */
import { csvLine, type Cell, type CellKind } from './csv.js';

const COLUMNS = {
  BilledCost: 'number',
  BillingAccountId: 'text',
  BillingAccountName: 'text',
  BillingCurrency: 'text',
  BillingPeriodEnd: 'text',
  BillingPeriodStart: 'text',
  ChargeCategory: 'text',
  ChargeClass: 'text',
  ChargeDescription: 'text',
  ChargeFrequency: 'text',
  ChargePeriodEnd: 'text',
  ChargePeriodStart: 'text',
  ConsumedQuantity: 'number',
  ConsumedUnit: 'text',
  ContractedCost: 'number',
  ContractedUnitPrice: 'number',
  EffectiveCost: 'number',
  HostProviderName: 'text',
  InvoiceId: 'text',
  InvoiceIssuerName: 'text',
  ListCost: 'number',
  ListUnitPrice: 'number',
  PricingCategory: 'text',
  PricingQuantity: 'number',
  PricingUnit: 'text',
  ProviderName: 'text',
  PublisherName: 'text',
  ServiceCategory: 'text',
  ServiceName: 'text',
  ServiceProviderName: 'text',
  ServiceSubcategory: 'text',
  SkuId: 'text',
  SkuMeter: 'text',
  SkuPriceDetails: 'text',
  SkuPriceId: 'text',
  SubAccountId: 'text',
  SubAccountName: 'text',
  SubAccountType: 'text',
  Tags: 'text',
  x_GrantId: 'text',
  x_IsUnpriced: 'text',
  x_Model: 'text',
  x_PriceId: 'text',
  x_RateId: 'text',
  x_ServiceTier: 'text',
} as const satisfies Record<string, CellKind>;

export type FocusColumn = keyof typeof COLUMNS;

/** Cells as printed: money in dollars and quantities as exact decimals, times in UTC. */
export type FocusRow = Readonly<Record<FocusColumn, Cell>>;

const FOCUS_COLUMNS = Object.keys(COLUMNS) as readonly FocusColumn[];
const KINDS = Object.values(COLUMNS);

export function focusHeader(): string {
  return csvLine(
    FOCUS_COLUMNS,
    KINDS.map(() => 'text'),
  );
}

export function focusLine(row: FocusRow): string {
  return csvLine(
    FOCUS_COLUMNS.map((column) => row[column]),
    KINDS,
  );
}
