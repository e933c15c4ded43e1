/** What statements ask to pay for a period, to the picodollar, by entity. */
import type { Query, Snapshot } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import type { ExportScope } from './focus-exports.sql.js';

export type Billed = {
  readonly entity: string;
  /** What no credits paid. */
  readonly chargesPicos: bigint;
  readonly purchasedPicos: bigint;
  readonly refundedPicos: bigint;
  readonly invoiceId: string | null;
};

type RawBilled = Record<'entity' | 'charges' | 'purchased' | 'refunded', string> & {
  statement: string | null;
};

/** Of those entities that are asked for anything. */
export async function* readBilled(snapshot: Snapshot, scope: ExportScope): AsyncGenerator<Billed[]> {
  const query: Query = {
    text: `
      select
        b.entity, sum(b.charges)::text as charges, sum(b.purchased)::text as purchased, sum(b.refunded)::text as refunded,
        c.number as statement
      from (
        select entity, overage_picos as charges, 0 as purchased, 0 as refunded
        from entity_spend where entity = any($2::text[]) and period = $1::text
        union all
        select
          entity, 0, case when kind = 'purchase' then amount_picos else 0 end,
          case when kind = 'purchase' then 0 else amount_picos end
        from ledger_entries
        where entity = any($2::text[]) and period = $1::text and kind in ('purchase', 'refund', 'refund_debt')
      ) b
      left join closed_periods c on c.entity = b.entity and c.period = $1::text
      group by b.entity, c.number
      order by b.entity`,
    values: [scope.period, pgArray(scope.entities)],
  };
  for await (const rows of snapshot.pages<RawBilled>(query)) {
    yield rows.map((row) => ({
      entity: row.entity,
      chargesPicos: BigInt(row.charges),
      purchasedPicos: BigInt(row.purchased),
      refundedPicos: BigInt(row.refunded),
      invoiceId: row.statement,
    }));
  }
}
