/** All that a gateway imports of Tally's client. */
export { isPassing, type Denial } from './denial.js';
export { httpReporter } from './http-reporter.js';
export { LeasedQuota, type LeasedQuotaOptions } from './leased-quota.js';
export { openOutbox, type Deliver, type Outbox, type OutboxOptions, type UsageReporter } from './outbox.js';
export { TallyClientError } from './tally-client-error.js';
export { TallyClient } from './tally-client.js';
export {
  usageEvent,
  type TokenUsage,
  type UsageEvent,
  type UsageFacts,
  type UsageSource,
} from './protocol/usage-event.js';
