/** Tally's client over HTTP. It needs no other package; `@tally/client/queue` and `@tally/client/lease-recalls` need Redis. */
export { isTransient, type Denial } from './denial.js';
export { httpReporter } from './http-reporter.js';
export type { Instant } from './leases/lease.js';
export {
  LeasedQuota,
  type LeasedAdmission,
  type LeasedQuotaOptions,
  type LeaseFigures,
} from './leases/leased-quota.js';
export {
  openOutbox,
  type Deliver,
  type Outbox,
  type OutboxOptions,
  type UsageReporter,
} from './outbox/outbox.js';
export type { LeaseAnswer, LeaseEnding, LeaseStatement } from './protocol/lease.js';
export type { Remaining, Reservation } from './protocol/reservation.js';
export type { TraceContext } from './protocol/trace-context.js';
export {
  usageEvent,
  type TokenUsage,
  type UsageEvent,
  type UsageFacts,
  type UsageOperation,
  type UsageReceipt,
  type UsageSource,
} from './protocol/usage-event.js';
export { TallyClientError, type TallyClientErrorCode } from './tally-client-error.js';
export {
  TallyClient,
  type Admission,
  type Decision,
  type ReservationRequest,
  type TallyClientOptions,
} from './tally-client.js';
