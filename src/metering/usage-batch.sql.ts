/**
 * The two calls in which a batch is counted, between the begin and the commit of one transaction. What they lock, in which order and
 * why stands with the functions, in the migration.
 */
import type { QuantityColumns } from '../domain/meter-charges.js';
import type { Tx } from '../platform/database.js';
import { pgArray, pgTexts } from '../platform/pg-array.js';
import type { EventJson } from './event-json.js';
import type { UsageBatch } from './usage-batch.js';

/** The lists of the batch have the same positions here. */
export type OpenedJson = {
  readonly at: number;
  readonly locked: readonly boolean[];
  readonly unknown: readonly string[];
  readonly due: readonly string[];
  readonly book: number;
  readonly lots: readonly LotJson[];
  readonly series: readonly (number | null)[] | null;
  readonly origins: readonly (number | null)[] | null;
  readonly taken: readonly { readonly identity: string; readonly event: EventJson | null }[];
};

/** Entity, grant, lot, category, priority, from, until and creation in milliseconds, allowance period, remaining picodollars. */
type LotJson = readonly [
  string,
  string,
  number,
  string,
  number,
  number,
  number | null,
  number,
  string | null,
  string,
];

/** Locks, claims and reads. `at` is null for Postgres' own clock. */
export async function openBatch(
  tx: Tx,
  { entities, series, origins, events }: UsageBatch,
  { at, bookLock }: { at: Date | null; bookLock: bigint },
): Promise<OpenedJson> {
  const [row] = await tx.$queryRaw<[{ opened: string }]>`
    /* prepared: open_usage_batch */ select open_usage_batch(
      ${at}::timestamptz, ${bookLock}::bigint, ${pgArray(entities)}::text[],
      ${pgArray(series.map((s) => s.entityNo + 1))}::integer[], ${pgArray(series.map((s) => s.project))}::text[],
      ${pgArray(series.map((s) => s.model))}::text[], ${pgArray(series.map((s) => s.operation))}::text[],
      ${pgArray(series.map((s) => s.serviceTier))}::text[],
      ${pgArray(origins.map((o) => o.entityNo + 1))}::integer[], ${pgArray(origins.map((o) => o.source))}::text[],
      ${pgArray(origins.map((o) => o.apiKeyId))}::text[], ${pgArray(origins.map((o) => o.usageSource))}::text[],
      ${pgArray(events.map((e) => e.entityNo + 1))}::integer[], ${pgArray(events.map((e) => e.identity))}::uuid[],
      ${pgArray(events.map((e) => e.event.occurredAt.getTime()))}::bigint[]
    ) as opened`;
  return JSON.parse(row.opened) as OpenedJson;
}

type Texts = readonly (string | null)[];

/** One element an event, in any order. */
export type EventColumns = {
  readonly entity: readonly string[];
  readonly identity: readonly string[];
  readonly ms: readonly number[];
  readonly series: readonly number[];
  readonly origin: readonly number[];
  readonly rate: readonly bigint[];
  readonly period: readonly string[];
  readonly id: readonly string[];
  readonly input: readonly number[];
  readonly cachedInput: readonly number[];
  readonly output: readonly number[];
  readonly reasoning: readonly number[];
  readonly other: Texts;
  readonly cost: readonly bigint[];
  readonly burnt: readonly bigint[];
  readonly lot: readonly (number | null)[];
  readonly burns: Texts;
  readonly unpriced: Texts;
  readonly reservation: Texts;
  readonly user: Texts;
  readonly request: Texts;
  readonly tags: Texts;
  readonly details: Texts;
};

export type HourRow = QuantityColumns & {
  readonly entity: string;
  readonly ms: number;
  readonly series: number;
  readonly period: string;
  readonly rateId: bigint;
  readonly requests: number;
  readonly costPicos: bigint;
  readonly paidBurntPicos: bigint;
  readonly promotionalBurntPicos: bigint;
};

export type BatchRows = {
  readonly entities: readonly string[];
  readonly events: EventColumns;
  readonly hours: readonly HourRow[];
  readonly spend: readonly {
    readonly entity: string;
    readonly period: string;
    readonly project: string;
    readonly costPicos: bigint;
    readonly burntPicos: bigint;
  }[];
  readonly burns: readonly {
    readonly entity: string;
    readonly period: string;
    readonly grantId: string | null;
    readonly amountPicos: bigint;
  }[];
};

/** The states of the entities, as JSON; null where the transaction must be run again. */
export async function closeBatch(
  tx: Tx,
  { entities, events: e, hours, spend, burns }: BatchRows,
  { at, defaultPlan, limitedMax }: { at: Date; defaultPlan: string; limitedMax: number },
): Promise<string | null> {
  const [row] = await tx.$queryRaw<[{ states: string | null }]>`
    /* prepared: close_usage_batch */ select close_usage_batch(
      ${at}::timestamptz, ${defaultPlan}::text, ${limitedMax}::integer, ${pgArray(entities)}::text[],
      ${pgTexts(e.entity)}::text, ${pgArray(e.identity)}::uuid[], ${pgArray(e.ms)}::bigint[], ${pgArray(e.series)}::integer[],
      ${pgArray(e.origin)}::integer[], ${pgArray(e.rate)}::integer[], ${pgTexts(e.period)}::text, ${pgTexts(e.id)}::text,
      ${pgArray(e.input)}::integer[], ${pgArray(e.cachedInput)}::integer[], ${pgArray(e.output)}::integer[],
      ${pgArray(e.reasoning)}::integer[], ${pgTexts(e.other)}::text, ${pgArray(e.cost)}::numeric[], ${pgArray(e.burnt)}::numeric[],
      ${pgArray(e.lot)}::integer[], ${pgTexts(e.burns)}::text, ${pgTexts(e.unpriced)}::text, ${pgTexts(e.reservation)}::text,
      ${pgTexts(e.user)}::text, ${pgTexts(e.request)}::text, ${pgTexts(e.tags)}::text, ${pgTexts(e.details)}::text,
      ${pgArray(hours.map((h) => h.entity))}::text[], ${pgArray(hours.map((h) => h.ms))}::bigint[],
      ${pgArray(hours.map((h) => h.series))}::integer[], ${pgArray(hours.map((h) => h.period))}::text[],
      ${pgArray(hours.map((h) => h.rateId))}::integer[], ${pgArray(hours.map((h) => h.requests))}::bigint[],
      ${pgArray(hours.map((h) => h.inputTokens))}::bigint[], ${pgArray(hours.map((h) => h.cachedInputTokens))}::bigint[],
      ${pgArray(hours.map((h) => h.outputTokens))}::bigint[], ${pgArray(hours.map((h) => h.reasoningTokens))}::bigint[],
      ${pgArray(hours.map((h) => (h.otherQuantities === null ? null : JSON.stringify(h.otherQuantities))))}::jsonb[],
      ${pgArray(hours.map((h) => h.costPicos))}::numeric[], ${pgArray(hours.map((h) => h.paidBurntPicos))}::numeric[],
      ${pgArray(hours.map((h) => h.promotionalBurntPicos))}::numeric[],
      ${pgArray(spend.map((s) => s.entity))}::text[], ${pgArray(spend.map((s) => s.period))}::text[],
      ${pgArray(spend.map((s) => s.project))}::text[], ${pgArray(spend.map((s) => s.costPicos))}::numeric[],
      ${pgArray(spend.map((s) => s.burntPicos))}::numeric[],
      ${pgArray(burns.map((b) => b.entity))}::text[], ${pgArray(burns.map((b) => b.period))}::text[],
      ${pgArray(burns.map((b) => b.grantId))}::text[], ${pgArray(burns.map((b) => b.amountPicos))}::numeric[]
    ) as states`;
  return row.states;
}
