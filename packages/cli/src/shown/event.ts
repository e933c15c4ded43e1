/** A counted event with everything that explains its cost. */
import { count, money } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { second } from '../times.js';
import type { Output } from './output.js';
import { nameOf } from './price.js';

type Event = Schema<'CountedUsageEvent'>;

export function writeEvent(out: Output, event: Event): void {
  const { unread, mended, tags, corrections } = event;
  out.fields([
    ['event', event.event_id],
    ['source', event.source],
    ['project', event.project],
    ['model', event.model],
    ['operation', event.operation],
    ['occurred', second(event.occurred_at)],
    ['booked', `${second(event.booked_at)}, charged to ${event.period}${event.late ? ' (late)' : ''}`],
    ['request', event.request_id ?? ''],
    ['user', event.user_id ?? ''],
    ['key of the caller', event.api_key_id ?? ''],
    ['tags', tags === null ? '' : JSON.stringify(tags)],
    ['service tier', event.service_tier === 'default' ? '' : event.service_tier],
    ['region', event.region ?? ''],
    ['usage is', event.usage_source === 'reported' ? '' : event.usage_source],
    ...Object.entries(event.quantities).map(
      ([meter, quantity]) => [meter.replaceAll('_', ' '), count(quantity)] as const,
    ),
    ...Object.entries(event.unit_prices).map(
      ([field, usd]) => [`price of ${nameOf(field)}`, money(usd)] as const,
    ),
    ['price version', event.price_id ?? 'none yet'],
    ['without a price', event.unpriced_meters.join(', ')],
    ['unread', unread.join(', ')],
    ['mended', mended.join(', ')],
    ['cost', money(event.cost_usd)],
    ...event.burns.map(({ grant, amount_usd }) => [`paid by ${grant}`, money(amount_usd)] as const),
    ['overage', event.overage_usd === '0' ? '' : money(event.overage_usd)],
    ...corrections.map(
      ({ kind, change_usd, period, reason }) =>
        [
          kind === 'void' ? 'voided' : 'charged again',
          `${money(change_usd)} in ${period}: ${reason}`,
        ] as const,
    ),
  ]);
}
