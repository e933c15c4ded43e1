/** Counted events in requests and answers. */
import { ID_LENGTH_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { amountsUsd, quantities, texts } from '../http/maps.schema.js';
import {
  CONTROL,
  CURSOR,
  endsAfter,
  entityName,
  pageLimit,
  pageOrder,
  period,
  projectName,
  querySeconds,
  text,
} from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { showAs } from '../http/shown-schema.js';
import { filterFields, valuesOf, withTags } from './usage-filters.schema.js';

/** Milliseconds of occurrence, and the identity. */
const PLACE = /^([0-9]{1,15})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

const EXAMPLE_PLACE = '1764547200000_0f9d8f6e-6f0b-5c39-8f2c-3d9a1b7c5e21';

const WITHOUT = new RegExp(`^(?:user|api_key|request_id|tag:[^${CONTROL},]{1,128})$`);
const WITHOUT_ANY = 'must be user, api_key, request_id or tag:<name>';

const afterEvent = z
  .string()
  .regex(PLACE, CURSOR)
  .transform(placeOf)
  .meta({ description: 'The last_id of the previous page' });

function placeOf(place: string): { occurredAt: Date; identity: string } {
  const [, ms, identity = ''] = PLACE.exec(place) ?? [];
  return { occurredAt: new Date(Number(ms)), identity };
}

function idOrZero(message: string) {
  return z
    .string()
    .regex(/^[0-9]{1,18}$/, message)
    .transform((value) => BigInt(value))
    .optional();
}

const fields = {
  ...filterFields,
  project: valuesOf(projectName),
  without: valuesOf(z.string().regex(WITHOUT, WITHOUT_ANY)).describe(
    'Only events that have none of these: `user`, `api_key`, `request_id`, `tag:<name>`',
  ),
  event_id: text(ID_LENGTH_MAX)
    .optional()
    .describe(
      'Only those with this id, of every source; of any month as long as identities are kept (35 days), and in the range of start_time after that',
    )
    .meta({ example: 'chatcmpl-8f2c' }),
  source: text(256).optional().describe('Only those of this source').meta({ example: '/gateways/eu-1' }),
  request_id: text(256).optional(),
  reservation_id: text(256).optional().describe('The event that ended this reservation'),
  period: period.optional().describe('The month that charged the event, or corrected it'),
  price: idOrZero('must be the id of a price, or 0 for usage without one').meta({
    description: 'The price version that rated it, or a correction of it',
    example: '7',
  }),
  rate: idOrZero('must be the id of a rate, or 0 for usage without one').meta({
    description: 'What the price version came to for it, or for a correction of it',
    example: '7',
  }),
  start_time: querySeconds
    .optional()
    .describe(
      'By default 62 days ago where a request or reservation is asked for, otherwise that of the month',
    ),
  end_time: querySeconds.optional(),
  order: pageOrder,
  limit: pageLimit,
  after: afterEvent.optional(),
};
const parsing = z.strictObject(fields).refine(...endsAfter('start_time', 'end_time'));

export const EventsQuery = showAs(
  z.preprocess((query) => withTags(query), parsing),
  z.strictObject(fields),
);
export type EventsQuery = z.output<typeof parsing>;

export const EventPath = z.object({
  entity: entityName,
  event: z
    .string()
    .regex(PLACE, 'must be the id of an event in a list of events')
    .transform(placeOf)
    .meta({ description: 'The `id` of an event in a list', example: EXAMPLE_PLACE }),
});

const count = z.int();
const perMillion = z.string().nullable().describe('US dollars per million tokens');

export const CountedEvent = z
  .object({
    object: z.literal('usage_event'),
    id: z.string().describe('For "after" and for the event alone; source and event_id name the event'),
    source: z.string(),
    event_id: z.string(),
    project: z.string(),
    model: z.string(),
    operation: z.string(),
    occurred_at: z.iso.datetime().describe('RFC 3339, to the millisecond'),
    booked_at: z.int(),
    period: z.string().describe('The month that charged it'),
    late: z.boolean().describe('It occurred in an earlier month, which had been closed'),
    unpriced: z.boolean().describe('Nothing of it has a price yet, and it costs nothing until then'),
    unpriced_meters: z
      .array(z.string())
      .describe('Meters that have no price yet, and cost nothing until then'),
    quantities: quantities.describe('What was counted, by meter; "request" where the price charges requests'),
    service_tier: z.string().describe('The tier that served it'),
    region: z.string().nullable(),
    attributes: texts.nullable(),
    unread: z.array(z.string()).describe('Fields of its usage that have a count and that nothing reads'),
    usage: z
      .record(z.string(), z.unknown())
      .meta({ id: 'RawUsage' })
      .nullable()
      .describe('As the server sent it; kept only where something of it is unread'),
    mended: z.array(z.string()).describe('Descriptive fields that were cut or turned into text'),
    input_tokens: count.describe('Of the meter "input"'),
    cached_input_tokens: count.describe('Of the meter "cached_input"'),
    output_tokens: count.describe('Of the meters "output" and "reasoning"'),
    reasoning_tokens: count.describe('Among the output tokens'),
    price: z.string().nullable().describe('The same as price_id'),
    price_id: z.string().nullable().describe('The price version; null while it has none'),
    rate_id: z.string().nullable().describe('What the price version came to for it'),
    unit_prices: amountsUsd.describe(
      'Of the meters that have a quantity, under the names that prices have, such as "search_usd"',
    ),
    input_usd_per_million: perMillion,
    cached_input_usd_per_million: perMillion,
    output_usd_per_million: perMillion,
    cost_usd: z.string().describe('As first rated'),
    burns: z
      .array(z.object({ grant: z.string(), amount_usd: z.string() }).meta({ id: 'Burn' }))
      .describe('The parts that credits paid'),
    overage_usd: z.string().describe('The part that no credits paid'),
    corrections: z.array(
      z
        .object({
          kind: z.enum(['void', 'rerate']).meta({ id: 'EventCorrectionKind' }),
          period: z.string(),
          change_usd: z.string(),
          price: z.string().nullable(),
          rate_id: z.string().nullable(),
          reason: z.string(),
          booked_at: z.int(),
        })
        .meta({ id: 'EventCorrection' }),
    ),
    usage_source: z.enum(['reported', 'estimated']).meta({ id: 'UsageSource' }),
    api_key_id: z.string().nullable(),
    user_id: z.string().nullable(),
    request_id: z.string().nullable(),
    reservation_id: z.string().nullable().describe('The reservation that it ended'),
    tags: texts.nullable(),
  })
  .meta({ id: 'CountedUsageEvent' });
export type CountedEvent = z.output<typeof CountedEvent>;

export const CountedEventList = listOf(CountedEvent).meta({ id: 'CountedUsageEventList' });
