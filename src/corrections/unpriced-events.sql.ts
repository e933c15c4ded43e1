/** Usage that is kept without a price, and its charging once there is one. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { UsageEvent } from '../domain/usage.js';
import type { Tx } from '../platform/database.js';
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';
import { burnsJson, burntPicos, type RatedEvent } from '../metering/rated-event.js';

/** What was voided before it had a price is never charged; what was charged after its period's end has its price by a correction. */
const NOT_CORRECTED = Prisma.sql`
  not exists (select from usage_corrections c where c.identity = e.identity and c.occurred_at = e.occurred_at)`;

/** Entities with unpriced usage of a model that has a price in force at the time of that usage. */
export async function findEntitiesToCharge(tx: Tx): Promise<string[]> {
  const rows = await tx.$queryRaw<{ entity: string }[]>`
    select distinct e.entity
    from usage_events e
    where e.price_id = 0 and ${NOT_CORRECTED} and exists (
      select from prices p
      where p.model = e.model and p.effective_from <= e.occurred_at and (p.entity is null or p.entity = e.entity)
    )
    order by e.entity`;
  return rows.map((row) => row.entity);
}

export type UnpricedEvent = {
  readonly identity: string;
  readonly period: Period;
  readonly event: UsageEvent;
};

type RawEvent = {
  identity: string;
  period: Period;
  project: string;
  occurred_at: Date;
  model: string;
  operation: string;
  input_tokens: bigint;
  cached_input_tokens: bigint;
  output_tokens: bigint;
  reasoning_tokens: bigint;
};

/** The oldest chargeable events of a locked entity. Two chargers cannot meet: the account lock is held. */
export async function findChargeable(
  tx: Tx,
  args: { entity: string; limit: number },
): Promise<UnpricedEvent[]> {
  const rows = await tx.$queryRaw<RawEvent[]>`
    select
      e.identity::text, e.period, e.project, e.occurred_at, e.model, e.operation,
      e.input_tokens, e.cached_input_tokens, e.output_tokens, e.reasoning_tokens
    from usage_events e
    where e.price_id = 0 and e.entity = ${args.entity}::text and ${NOT_CORRECTED} and exists (
      select from prices p
      where p.model = e.model and p.effective_from <= e.occurred_at and (p.entity is null or p.entity = e.entity)
    )
    order by e.occurred_at, e.identity
    limit ${args.limit}::integer`;
  return rows.map((row) => ({
    identity: row.identity,
    period: row.period,
    event: toEvent(args.entity, row),
  }));
}

/** Writes the price and the payment of events that had none; their periods stay. */
export async function chargeEvents(tx: Tx, rows: readonly RatedEvent[], chargedAt: Date): Promise<void> {
  await tx.$executeRaw`
    update usage_events e set
      price_id = r.price_id,
      cost_picos = r.cost_picos,
      burnt_picos = r.burnt_picos,
      burns = r.burns::jsonb,
      charged_at = ${chargedAt}::timestamptz
    from unnest(
      ${pgArray(rows.map((r) => r.event.occurredAt))}::timestamptz[],
      ${pgArray(rows.map((r) => r.identity))}::uuid[],
      ${pgArray(rows.map((r) => String(r.priceId)))}::bigint[],
      ${pgArray(rows.map((r) => String(r.costPicos)))}::numeric[],
      ${pgArray(rows.map((r) => String(burntPicos(r.burns))))}::numeric[],
      ${pgArray(rows.map((r) => burnsJson(r.burns)))}::text[]
    ) as r (occurred_at, identity, price_id, cost_picos, burnt_picos, burns)
    where e.occurred_at = r.occurred_at and e.identity = r.identity and e.price_id = 0`;
}

function toEvent(entity: string, row: RawEvent): UsageEvent {
  return {
    source: '',
    id: '',
    entity: entity as EntityName,
    project: row.project as ProjectName,
    occurredAt: row.occurred_at,
    model: row.model,
    operation: row.operation,
    tokens: {
      inputTokens: Number(row.input_tokens),
      cachedInputTokens: Number(row.cached_input_tokens),
      outputTokens: Number(row.output_tokens),
      reasoningTokens: Number(row.reasoning_tokens),
    },
    usageSource: 'reported',
    reservationId: null,
    apiKeyId: null,
    userId: null,
    requestId: null,
    tags: null,
  };
}
