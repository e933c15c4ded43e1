/** What waits for a person, as gauges. All processes read the same, so an answer serves for some scrapes. */
import { Injectable } from '@nestjs/common';
import { observeAsked, sharedGauge, type AskedGauge } from '../platform/asked-gauges.js';
import { Metrics } from '../platform/metrics.js';
import { COUNT_MAX, Inbox, type InboxCounts } from './inbox.js';

const KEPT_MS = 30_000;

@Injectable()
export class InboxMetrics {
  constructor(metrics: Metrics, inbox: Inbox) {
    observeAsked(metrics, { of: 'inbox', keptMs: KEPT_MS, ask: () => inbox.counts(), gauges: GAUGES });
  }
}

const AT_MOST = `${COUNT_MAX.toLocaleString('en')} at most.`;

const GAUGES: readonly AskedGauge<InboxCounts>[] = [
  sharedGauge(
    'tally_dead_letters_open',
    `Events that could not be counted and wait for a person; ${AT_MOST}`,
    (has) => has.deadLetters,
  ),
  sharedGauge(
    'tally_usage_conflicts_open',
    `Identities that came with other content and wait for a person; ${AT_MOST}`,
    (has) => has.conflicts,
  ),
  sharedGauge(
    'tally_unpriced_models',
    'Models with usage that waits for a price; 200 at most.',
    (has) => has.unpricedModels,
  ),
  sharedGauge(
    'tally_unpriced_events',
    'Events that wait for a price, and are charged once there is one; 1,000 at most of a model and customer.',
    (has) => has.unpricedEvents,
  ),
  sharedGauge(
    'tally_unread_fields',
    'Fields with a count that no shape of usage knows, by model, in the last seven days; 100 at most.',
    (has) => has.unreadFields,
  ),
  sharedGauge(
    'tally_failed_background_jobs',
    'Long work that failed in the last seven days, such as an import; 101 at most.',
    (has) => has.failedJobs,
  ),
  sharedGauge(
    'tally_webhooks_failing',
    'Webhooks that did not take what was sent last; 100 at most.',
    (has) => has.failingWebhooks,
  ),
  sharedGauge(
    'tally_webhook_deliveries_open',
    `Deliveries to webhooks that are to be sent or sent again; ${AT_MOST}`,
    (has) => has.deliveries.webhooks,
  ),
  sharedGauge(
    'tally_mail_deliveries_open',
    `Mails that are to be sent or sent again; ${AT_MOST}`,
    (has) => has.deliveries.mails,
  ),
  sharedGauge(
    'tally_reconciliation_differing_checks',
    'Checks of the last reconciliation that found a difference in the books; no value where there was none.',
    ({ reconciliation }) => reconciliation?.checks.length ?? null,
  ),
  sharedGauge(
    'tally_reconciliation_last_timestamp_seconds',
    'When the last reconciliation ended.',
    ({ reconciliation }) => (reconciliation === null ? null : reconciliation.at.getTime() / 1_000),
  ),
];
