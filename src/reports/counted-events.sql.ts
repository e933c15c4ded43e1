/** Counted events, a page at a time. */
import type { Tx } from '../platform/database.js';

/** An event's position in the order of pages. */
export type EventPlace = { readonly occurredAt: Date; readonly identity: string };

export type EventFilter = {
  readonly entity: string;
  /** Half open. */
  readonly start: Date;
  readonly end: Date;
  /** Null takes all. */
  readonly project: string | null;
  readonly model: string | null;
  /** The period that charged the event, or that corrected it. */
  readonly period: string | null;
  /** The price version that rated the event, or one of its corrections. */
  readonly priceId: bigint | null;
};

export type EventCorrection = {
  readonly kind: 'void' | 'rerate';
  readonly period: string;
  readonly oldPicos: string;
  readonly newPicos: string;
  readonly newPriceId: string | null;
  readonly reason: string;
  readonly bookedAt: string;
};

export type CountedEvent = EventPlace & {
  readonly source: string;
  readonly eventId: string;
  readonly project: string;
  readonly model: string;
  readonly operation: string;
  readonly bookedAt: Date;
  readonly period: string;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
  /** 0 while it has no price. */
  readonly priceId: bigint;
  readonly inputPicosPerToken: bigint | null;
  readonly cachedInputPicosPerToken: bigint | null;
  readonly outputPicosPerToken: bigint | null;
  readonly costPicos: bigint;
  readonly burntPicos: bigint;
  /** Grant id → picodollars. */
  readonly burns: Readonly<Record<string, string>> | null;
  readonly usageSource: 'reported' | 'estimated';
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly requestId: string | null;
  readonly tags: Readonly<Record<string, string>> | null;
  readonly corrections: readonly EventCorrection[] | null;
};

type Row = Omit<CountedEvent, 'costPicos' | 'burntPicos'> & { cost: string; burnt: string };

/** As first rated, newest first, each with its corrections in the order of booking. `after` is the last event of the previous page. */
export async function findCountedEvents(
  tx: Tx,
  of: EventFilter & { after: EventPlace | null; limit: number },
): Promise<CountedEvent[]> {
  const priceId = of.priceId === null ? null : String(of.priceId);
  const rows = await tx.$queryRaw<Row[]>`
    with page as (
      select e.*
      from usage_events e
      where e.entity = ${of.entity}::text
        and e.occurred_at >= ${of.start}::timestamptz and e.occurred_at < ${of.end}::timestamptz
        and (${of.project}::text is null or e.project = ${of.project}::text)
        and (${of.model}::text is null or e.model = ${of.model}::text)
        and (${of.period}::text is null or e.period = ${of.period}::text or exists (
          select from usage_corrections c where c.identity = e.identity and c.period = ${of.period}::text
        ))
        and (${priceId}::bigint is null or e.price_id = ${priceId}::bigint or exists (
          select from usage_corrections c
          where c.identity = e.identity and ${priceId}::bigint in (c.old_price_id, c.new_price_id)
        ))
        and (${of.after?.identity ?? null}::uuid is null or (e.occurred_at, e.identity) < (
          ${of.after?.occurredAt ?? null}::timestamptz, ${of.after?.identity ?? null}::uuid
        ))
      order by e.occurred_at desc, e.identity desc
      limit ${of.limit}::integer
    )
    select
      e.occurred_at as "occurredAt", e.identity::text, e.source, e.id as "eventId", e.project, e.model, e.operation,
      e.booked_at as "bookedAt", e.period, e.input_tokens as "inputTokens",
      e.cached_input_tokens as "cachedInputTokens", e.output_tokens as "outputTokens",
      e.reasoning_tokens as "reasoningTokens", e.price_id as "priceId",
      p.input_picos_per_token as "inputPicosPerToken",
      coalesce(p.cached_input_picos_per_token, p.input_picos_per_token) as "cachedInputPicosPerToken",
      p.output_picos_per_token as "outputPicosPerToken",
      e.cost_picos::text as cost, e.burnt_picos::text as burnt, e.burns, e.usage_source as "usageSource",
      e.api_key_id as "apiKeyId", e.user_id as "userId", e.request_id as "requestId", e.tags,
      (
        select jsonb_agg(
          jsonb_build_object(
            'kind', c.kind, 'period', c.period, 'oldPicos', c.old_cost_picos::text, 'newPicos', c.new_cost_picos::text,
            'newPriceId', c.new_price_id::text, 'reason', c.reason,
            'bookedAt', to_char(c.booked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
          ) order by c.id
        )
        from usage_corrections c where c.identity = e.identity
      ) as corrections
    from page e left join prices p on p.id = e.price_id
    order by e.occurred_at desc, e.identity desc`;
  return rows.map(({ cost, burnt, ...row }) => ({
    ...row,
    costPicos: BigInt(cost),
    burntPicos: BigInt(burnt),
  }));
}
