/** What a FOCUS export reads: a period's usage by day, and what happened to bought credits. */
import { formatStatementNumber } from '../periods/statement-number.js';
import type { ByClass, UnitPrices } from '../domain/token-classes.js';
import type { Query, Snapshot } from '../platform/database.js';

/** A day's usage of one project and model under one price version. */
export type DailyUsage = {
  readonly entity: string;
  readonly project: string;
  readonly model: string;
  readonly day: Date;
  readonly priceId: bigint;
  readonly tokens: ByClass<bigint>;
  readonly costPicos: bigint;
  readonly paidBurntPicos: bigint;
  readonly promotionalBurntPicos: bigint;
  /** Null while the usage has no price. */
  readonly unitPrices: UnitPrices | null;
  /** The list price, if the price above was agreed with the entity and the model has a list price. */
  readonly listUnitPrices: UnitPrices | null;
  /** The number of the entity's statement for the period; null until it is closed. */
  readonly invoiceId: string | null;
};

/** What happened to a grant of bought credits. */
export type PaidGrantMovement = {
  readonly kind: 'purchase' | 'expiry' | 'void';
  readonly entity: string;
  readonly grantId: string;
  readonly amountPicos: bigint;
  readonly bookedAt: Date;
  readonly effectiveAt: Date;
  /** Null never expires. */
  readonly expiresAt: Date | null;
  readonly reference: string | null;
  readonly invoiceId: string | null;
};

/** A null entity selects all. */
export type ExportScope = { readonly period: string; readonly entity: string | null };

/**
 * What the period bills, by day of occurrence. Beside an agreed price stands the list price that was in force when the hour of the
 * usage began.
 */
export async function* readDailyUsage(snapshot: Snapshot, scope: ExportScope): AsyncGenerator<DailyUsage[]> {
  const query: Query = {
    text: `
      select
        u.entity, u.project, u.model, date_trunc('day', u.hour, 'UTC') as day, u.price_id::text as price_id,
        sum(u.input_tokens)::text as input, sum(u.cached_input_tokens)::text as cached_input,
        sum(u.output_tokens)::text as output, sum(u.cost_picos)::text as cost,
        sum(u.paid_burnt_picos)::text as paid, sum(u.promotional_burnt_picos)::text as promotional,
        p.input_picos_per_token::text as unit_input,
        coalesce(p.cached_input_picos_per_token, p.input_picos_per_token)::text as unit_cached_input,
        p.output_picos_per_token::text as unit_output,
        l.input_picos_per_token::text as list_input,
        coalesce(l.cached_input_picos_per_token, l.input_picos_per_token)::text as list_cached_input,
        l.output_picos_per_token::text as list_output,
        c.number::text as statement
      from usage_hourly u
      left join prices p on p.id = u.price_id
      left join lateral (
        select id, input_picos_per_token, cached_input_picos_per_token, output_picos_per_token
        from prices
        where p.entity is not null and model = u.model and entity is null and effective_from <= u.hour
        order by effective_from desc
        limit 1
      ) l on true
      left join closed_periods c on c.entity = u.entity and c.period = u.period
      where u.period = $1::text and ($2::text is null or u.entity = $2::text)
      group by
        u.entity, u.project, u.model, date_trunc('day', u.hour, 'UTC'), u.price_id, p.id,
        l.id, l.input_picos_per_token, l.cached_input_picos_per_token, l.output_picos_per_token, c.number
      order by u.entity, day, u.project, u.model, u.price_id, l.id`,
    values: [scope.period, scope.entity],
  };
  for await (const rows of snapshot.pages<RawUsage>(query)) yield rows.map(toUsage);
}

/** Purchases, expiries and voids that the ledger booked in the period, of bought credits only. */
export async function* readPaidGrantMovements(
  snapshot: Snapshot,
  scope: ExportScope,
): AsyncGenerator<PaidGrantMovement[]> {
  const query: Query = {
    text: `
      select
        e.kind, e.entity, e.grant_id, e.amount_picos::text as amount, e.booked_at,
        g.effective_at, g.expires_at, g.reference, c.number::text as statement
      from ledger_entries e
      join credit_grants g on g.id = e.grant_id
      left join closed_periods c on c.entity = e.entity and c.period = e.period
      where e.period = $1::text and ($2::text is null or e.entity = $2::text)
        and e.kind in ('purchase', 'expiry', 'void') and g.category = 'paid'
      order by e.entity, e.id`,
    values: [scope.period, scope.entity],
  };
  for await (const rows of snapshot.pages<RawMovement>(query)) yield rows.map(toMovement);
}

type RawUsage = Record<
  | 'entity'
  | 'project'
  | 'model'
  | 'price_id'
  | 'cost'
  | 'paid'
  | 'promotional'
  | 'input'
  | 'cached_input'
  | 'output',
  string
> &
  Record<`${'unit' | 'list'}_${'input' | 'cached_input' | 'output'}` | 'statement', string | null> & {
    day: Date;
  };

function toUsage(row: RawUsage): DailyUsage {
  return {
    entity: row.entity,
    project: row.project,
    model: row.model,
    day: row.day,
    priceId: BigInt(row.price_id),
    tokens: {
      input: BigInt(row.input),
      cached_input: BigInt(row.cached_input),
      output: BigInt(row.output),
    },
    costPicos: BigInt(row.cost),
    paidBurntPicos: BigInt(row.paid),
    promotionalBurntPicos: BigInt(row.promotional),
    unitPrices: toUnitPrices(row.unit_input, row.unit_cached_input, row.unit_output),
    listUnitPrices: toUnitPrices(row.list_input, row.list_cached_input, row.list_output),
    invoiceId: toInvoiceId(row.statement),
  };
}

function toUnitPrices(
  input: string | null,
  cachedInput: string | null,
  output: string | null,
): UnitPrices | null {
  if (input === null || cachedInput === null || output === null) return null;
  return { input: BigInt(input), cached_input: BigInt(cachedInput), output: BigInt(output) };
}

type RawMovement = {
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
    entity: row.entity,
    grantId: row.grant_id,
    amountPicos: BigInt(row.amount),
    bookedAt: row.booked_at,
    effectiveAt: row.effective_at,
    expiresAt: row.expires_at,
    reference: row.reference,
    invoiceId: toInvoiceId(row.statement),
  };
}

function toInvoiceId(statement: string | null): string | null {
  return statement === null ? null : formatStatementNumber(BigInt(statement));
}
