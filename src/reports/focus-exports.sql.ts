/** What a FOCUS export reads: a period's usage by day, and what happened to bought credits. */
import { unitPricesFromJson, type UnitPricesJson } from '../domain/meter-charges.js';
import type { QuantitySums } from '../domain/meters.js';
import { unitPricesUnder, type PriceTerms, type UnitPrices } from '../domain/price.js';
import { QUANTITY_SUMS, quantitySumsOf, type QuantitySumsRow } from '../periods/quantity-sums.js';
import type { GrantCategory } from '../domain/burn-order.js';
import type { Query, Snapshot } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { readPriceTerms } from '../prices/price-terms.js';
import type { PriceTermsBody } from '../prices/price-terms.schema.js';

/** A day's usage of one project and model, by tier and rate. */
export type DailyUsage = {
  readonly entity: string;
  readonly project: string;
  readonly model: string;
  readonly day: Date;
  readonly serviceTier: string;
  /** 0 while the usage has no price; then it has no version and no unit prices. */
  readonly rateId: bigint;
  readonly priceId: bigint | null;
  readonly requests: bigint;
  readonly quantities: QuantitySums;
  readonly costPicos: bigint;
  readonly paidBurntPicos: bigint;
  readonly promotionalBurntPicos: bigint;
  readonly unitPrices: UnitPrices | null;
  /**
   * What the list asks of this tier, if the price above was agreed with the entity and the model has a list price. What depends on one
   * request (its size, region, attributes and hour) is not known of a day, so of the list's other variants none is taken.
   */
  readonly listUnitPrices: UnitPrices | null;
  /** The number of the entity's statement for the period; null until it is closed. */
  readonly invoiceId: string | null;
};

/** What happened to a grant of bought credits, or paid a debt. */
export type PaidGrantMovement = {
  readonly kind: 'purchase' | 'expiry' | 'void' | 'refund' | 'refund_debt' | 'debt_payment';
  readonly category: GrantCategory;
  readonly entity: string;
  readonly grantId: string;
  readonly amountPicos: bigint;
  readonly bookedAt: Date;
  readonly effectiveAt: Date;
  /** Null never expires. */
  readonly expiresAt: Date | null;
  readonly boughtAt: Date;
  readonly reference: string | null;
  readonly invoiceId: string | null;
};

export type ExportScope = { readonly period: string; readonly entities: readonly string[] };

/**
 * What the period bills, by day of occurrence. Beside an agreed price stands the list price that was in force when the hour of the
 * usage began. Its terms may be long, so rows name it by id.
 */
export async function* readDailyUsage(snapshot: Snapshot, scope: ExportScope): AsyncGenerator<DailyUsage[]> {
  const query: Query = {
    text: `
      select
        u.entity, u.project, u.model, date_trunc('day', u.hour, 'UTC') as day, u.service_tier,
        u.rate_id::text as rate_id, r.price_id::text as price_id, r.unit_prices, l.id::text as list_id,
        ${QUANTITY_SUMS}, sum(u.cost_picos)::text as cost, sum(u.paid_burnt_picos)::text as paid,
        sum(u.promotional_burnt_picos)::text as promotional, c.number as statement
      from hourly_usage u
      left join rates r on r.id = u.rate_id
      left join prices p on p.id = r.price_id
      left join lateral (
        select id
        from prices
        where p.entity is not null and model = u.model and entity is null and effective_from <= u.hour
        order by effective_from desc
        limit 1
      ) l on true
      left join closed_periods c on c.entity = u.entity and c.period = u.period
      where u.period = $1::text and u.entity = any($2::text[])
      group by
        u.entity, u.project, u.model, date_trunc('day', u.hour, 'UTC'), u.service_tier, u.rate_id, r.id, l.id, c.number
      order by u.entity, day, u.project, u.model, u.service_tier, u.rate_id, l.id`,
    values: [scope.period, pgArray(scope.entities)],
  };
  const listPrices = await readListPrices(snapshot, scope);
  for await (const rows of snapshot.pages<RawUsage>(query)) {
    yield rows.map((row) => toUsage(row, row.list_id === null ? undefined : listPrices.get(row.list_id)));
  }
}

/** List prices of models of which a price was agreed, by id. */
async function readListPrices(snapshot: Snapshot, scope: ExportScope): Promise<Map<string, PriceTerms>> {
  const query: Query = {
    text: `
      select l.id::text as id, l.terms
      from prices l
      where l.entity is null and exists (
        select from prices p
        where p.model = l.model and p.entity = any($1::text[])
      )`,
    values: [pgArray(scope.entities)],
  };
  const prices = new Map<string, PriceTerms>();
  for await (const rows of snapshot.pages<{ id: string; terms: PriceTermsBody }>(query)) {
    for (const { id, terms } of rows) prices.set(id, readPriceTerms(terms));
  }
  return prices;
}

/**
 * Purchases, refunds, expiries and voids that the ledger booked in the period, of bought credits only; and the payments of debts that
 * change what is effective: bought credits for what was voided, or promotional credits for what was refunded.
 */
export async function* readPaidGrantMovements(
  snapshot: Snapshot,
  scope: ExportScope,
): AsyncGenerator<PaidGrantMovement[]> {
  const query: Query = {
    text: `
      select
        e.kind, g.category, g.created_at, e.entity, e.grant_id, e.amount_picos::text as amount, e.booked_at,
        g.effective_at, g.expires_at, g.reference, c.number as statement
      from ledger_entries e
      join credit_grants g on g.entity = e.entity and g.id = e.grant_id
      left join ledger_entries d on d.entity = e.entity and d.id = e.corrects and e.kind = 'debt_payment'
      left join closed_periods c on c.entity = e.entity and c.period = e.period
      where e.period = $1::text and e.entity = any($2::text[])
        and (
          (e.kind in ('purchase', 'expiry', 'void', 'refund', 'refund_debt') and g.category = 'paid')
          or (e.kind = 'debt_payment' and (g.category = 'paid') = (d.kind = 'void_debt'))
        )
      order by e.entity, e.id`,
    values: [scope.period, pgArray(scope.entities)],
  };
  for await (const rows of snapshot.pages<RawMovement>(query)) yield rows.map(toMovement);
}

type RawUsage = QuantitySumsRow &
  Record<
    'entity' | 'project' | 'model' | 'service_tier' | 'rate_id' | 'cost' | 'paid' | 'promotional',
    string
  > &
  Record<'price_id' | 'list_id' | 'statement', string | null> & {
    day: Date;
    unit_prices: UnitPricesJson | null;
  };

function toUsage(row: RawUsage, listPrice: PriceTerms | undefined): DailyUsage {
  return {
    entity: row.entity,
    project: row.project,
    model: row.model,
    day: row.day,
    serviceTier: row.service_tier,
    rateId: BigInt(row.rate_id),
    priceId: row.price_id === null ? null : BigInt(row.price_id),
    requests: BigInt(row.requests),
    quantities: quantitySumsOf(row),
    costPicos: BigInt(row.cost),
    paidBurntPicos: BigInt(row.paid),
    promotionalBurntPicos: BigInt(row.promotional),
    unitPrices: row.unit_prices === null ? null : unitPricesFromJson(row.unit_prices),
    listUnitPrices: listPrice === undefined ? null : unitPricesOfTier(listPrice, row.service_tier),
    invoiceId: row.statement,
  };
}

/** Under the variants that the tier alone decides. */
function unitPricesOfTier(price: PriceTerms, serviceTier: string): UnitPrices {
  const holding = [...price.variants.keys()].filter((index) => {
    const { when } = price.variants[index]!;
    return when.serviceTier === serviceTier && Object.keys(when).length === 1;
  });
  return unitPricesUnder(price, holding);
}

type RawMovement = {
  category: GrantCategory;
  created_at: Date;
  kind: PaidGrantMovement['kind'];
  entity: string;
  grant_id: string;
  amount: string;
  booked_at: Date;
  effective_at: Date;
  expires_at: Date | null;
  reference: string | null;
  statement: string | null;
};

function toMovement(row: RawMovement): PaidGrantMovement {
  return {
    kind: row.kind,
    category: row.category,
    boughtAt: row.created_at,
    entity: row.entity,
    grantId: row.grant_id,
    amountPicos: BigInt(row.amount),
    bookedAt: row.booked_at,
    effectiveAt: row.effective_at,
    expiresAt: row.expires_at,
    reference: row.reference,
    invoiceId: row.statement,
  };
}
