/** Alerts in words. */
import type { components } from '../../../generated/document.js';
import { PICOS_PER_USD, picosOf, roundUsd } from '../../parts/money.js';
import { duration, plural } from '../../parts/times.js';

// Not by way of the client, which needs a browser: tests read these words without one.
type Schemas = components['schemas'];
type Alert = Schemas['Alert'];

export const KIND_WORDS: Readonly<Record<Schemas['AlertKind'], string>> = {
  low_balance: 'Credits are low',
  credits_running_out: 'Credits run out soon',
  cap_share: 'A cap is nearly reached',
  unpriced_usage: 'Usage has no price',
  unread_fields: 'Usage has unread fields',
  queue_late: 'The queue is late',
};

/** What says when an alert fires. */
type Condition = Pick<
  Alert,
  'kind' | 'project' | 'below_usd' | 'within_days' | 'cap' | 'share_percent' | 'older_than_seconds'
>;

export function conditionOf(alert: Condition): string {
  const whose = alert.project === null ? '' : ` of ${alert.project}`;
  switch (alert.kind) {
    case 'low_balance':
      return `Credits fall below ${roundUsd(picosOf(alert.below_usd ?? '0'))}`;
    case 'credits_running_out':
      return `Credits run out within ${plural(alert.within_days ?? 0, 'day')}`;
    case 'cap_share':
      return `Spend reaches ${alert.share_percent}% of the ${alert.cap ?? 'monthly'} cap${whose}`;
    case 'queue_late':
      return `The oldest usage has waited for ${duration(alert.older_than_seconds ?? 0)}`;
    default:
      return KIND_WORDS[alert.kind];
  }
}

/** OpenAI's shapes have whole cents. */
export function centsText(cents: number): string {
  return roundUsd((BigInt(cents) * PICOS_PER_USD) / 100n);
}
