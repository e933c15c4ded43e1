/** Corrections of counted usage, and re-rating. */
import { z } from 'zod';
import { ID_LENGTH_MAX } from '@tally/client/protocol';
import { amountsUsd, quantities } from '../http/maps.schema.js';
import {
  afterText,
  endsAfter,
  entityName,
  pageLimit,
  pageOrder,
  period,
  queryFlag,
  queryTime,
  text,
  time,
} from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const UsageEventPath = z.object({ source: text(256), id: text(ID_LENGTH_MAX) });

export const UsageEventVoidOrder = z
  .strictObject({
    reason: text(1024),
    entity: entityName
      .nullish()
      .describe('Whose event; needed where several entities have one of this source and id'),
    time: time
      .nullish()
      .describe("The event's own time; needed where it is so old that its identity was pruned (35 days)"),
  })
  .meta({ id: 'UsageEventVoidOrder', example: { reason: 'Sent twice, under two ids', entity: 'entity1' } });
export type UsageEventVoidOrder = z.output<typeof UsageEventVoidOrder>;

export const CorrectionPath = z.object({ id: text(256).meta({ example: '12' }) });

const kind = z.enum(['void', 'rerate', 'late_usage']).meta({ id: 'CorrectionKind' });

export const CorrectionQuery = z
  .strictObject({
    entity: entityName.optional(),
    period: period.optional(),
    kind: kind.optional(),
    from: queryTime.optional().describe('Booked from then on'),
    to: queryTime.optional().describe('Booked before then'),
    order: pageOrder,
    limit: pageLimit,
    after: afterText,
  })
  .refine(...endsAfter('from', 'to'));
export type CorrectionQuery = z.output<typeof CorrectionQuery>;

export const UsageCorrection = z
  .object({
    object: z.literal('usage_correction'),
    id: z.string(),
    kind,
    source: z.string(),
    event_id: z.string(),
    occurred_at: z.iso.datetime(),
    entity: z.string(),
    project: z.string(),
    model: z.string(),
    period: z.string().describe('Where it is booked'),
    corrected_period: z.string().describe('Where the usage was charged; for late usage, where it occurred'),
    requests: z.int(),
    input_tokens: z.int(),
    cached_input_tokens: z.int(),
    output_tokens: z.int(),
    quantities,
    old_price_id: z.string().nullable(),
    new_price_id: z.string().nullable(),
    cost_usd: z.string().describe('What it adds to the cost; negative where it gives back'),
    credits_usd: amountsUsd.describe('The part of the cost by grant'),
    overage_usd: z.string().describe('The part of the cost that no grant pays'),
    reason: z.string().nullable(),
    actor: z.string().nullable(),
    booked_at: z.int(),
  })
  .meta({ id: 'UsageCorrection' });
export type UsageCorrection = z.output<typeof UsageCorrection>;
export const UsageCorrectionList = listOf(UsageCorrection).meta({ id: 'UsageCorrectionList' });

export const DryRunQuery = z.strictObject({ dry_run: queryFlag });
export type DryRunQuery = z.output<typeof DryRunQuery>;

/** The longest time that one call may re-rate. */
const RANGE_DAYS_MAX = 400;

export const RerateOrder = z
  .strictObject({
    model: text(256),
    from: time,
    to: time,
    entity: entityName.nullish().describe('Null is every entity'),
    reason: text(1024),
  })
  .refine(...endsAfter('from', 'to'))
  .refine(({ from, to }) => to.getTime() - from.getTime() <= RANGE_DAYS_MAX * 86_400_000, {
    error: `must lie at most ${RANGE_DAYS_MAX} days after from`,
    path: ['to'],
  })
  .meta({
    id: 'RerateOrder',
    example: {
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      from: '2026-11-01',
      to: '2026-12-01',
      entity: 'entity1',
      reason: 'The price was wrong',
    },
  });
export type RerateOrder = z.output<typeof RerateOrder>;

export const Rerating = z
  .object({
    object: z.literal('rerating'),
    dry_run: z.boolean(),
    looked_at: z.int().describe('Events that were compared with the price book'),
    changed: z.int().describe('Events whose price is another one'),
    complete: z.boolean().describe('False where a preview did not add up all: more is left than it looks at'),
    old_usd: z.string(),
    new_usd: z.string(),
    delta_usd: z.string(),
    entities: z.array(
      z
        .object({
          entity: z.string(),
          changed: z.int(),
          old_usd: z.string(),
          new_usd: z.string(),
          delta_usd: z.string(),
        })
        .meta({ id: 'EntityRerating' }),
    ),
  })
  .meta({ id: 'Rerating' });
export type Rerating = z.output<typeof Rerating>;
