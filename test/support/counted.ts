/** What the books say of a set of events, to be compared with what was sent. */
import type { Installation } from './installation.js';

export type Counted = {
  readonly events: number;
  readonly identities: number;
  readonly requests: number;
  readonly costPicos: bigint;
  readonly rollUpPicos: bigint;
  readonly spendPicos: bigint;
  readonly burntAndOveragePicos: bigint;
};

/** The same amount in every place where it is kept. */
export function counted(events: number, costPicos: bigint): Counted {
  return {
    events,
    identities: events,
    requests: events,
    costPicos,
    rollUpPicos: costPicos,
    spendPicos: costPicos,
    burntAndOveragePicos: costPicos,
  };
}

/** Of the entities whose names begin so. */
export async function countedOf(tally: Pick<Installation, 'sql'>, prefix: string): Promise<Counted> {
  const [row] = await tally.sql<Record<string, string>>(
    `with e as materialized (select * from rated_events where starts_with(entity, $1))
     select
       (select count(*) from e) as events,
       (select count(*) from e join usage_identities i using (identity)) as identities,
       (select coalesce(sum(requests), 0) from hourly_usage where starts_with(entity, $1)) as requests,
       (select coalesce(sum(cost_picos), 0) from e)::text as cost,
       (select coalesce(sum(cost_picos), 0) from hourly_usage where starts_with(entity, $1))::text as roll_up,
       (select coalesce(sum(cost_picos), 0) from project_spend where starts_with(entity, $1))::text as spend,
       (select coalesce(sum(amount_picos), 0) from burns where starts_with(entity, $1))::text as burnt`,
    [prefix],
  );
  const { events, identities, requests, cost, roll_up, spend, burnt } = row!;
  return {
    events: Number(events),
    identities: Number(identities),
    requests: Number(requests),
    costPicos: BigInt(cost!),
    rollUpPicos: BigInt(roll_up!),
    spendPicos: BigInt(spend!),
    burntAndOveragePicos: BigInt(burnt!),
  };
}
