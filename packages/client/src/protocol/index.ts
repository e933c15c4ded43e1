/** What Tally and its clients both know: the shapes, names, limits and amounts on the wire. Needs nothing but Node. */
export { bucketOf, BUCKETS, partOf } from './bucket.js';
export {
  ERROR_TYPES,
  INTERNAL_ERROR_MESSAGE,
  OVERLOADED_MESSAGE,
  type ErrorBody,
  type ErrorCode,
} from './errors.js';
export {
  LEASE_FINISHED_MAX,
  LEASE_MODELS_MAX,
  leaseRecallsChannel,
  LEASE_SECONDS_DEFAULT,
  LEASE_SECONDS_MAX,
  type FinishedRequest,
  type LeaseAnswer,
  type LeaseEnding,
  type LeasePrice,
  type LeaseReason,
  type LeaseStatement,
} from './lease.js';
export {
  formatUsd,
  NANOS_MAX,
  NANOS_PER_USD,
  picosFromNanos,
  picosFromUsd,
  PICOS_PER_NANO,
  PICOS_PER_USD,
} from './money.js';
export {
  entityOf,
  ID_LENGTH_MAX,
  isPrintable,
  NAME_PATTERN,
  parseSubject,
  TEXT_LENGTH_MAX,
} from './names.js';
export {
  REDIS_URL_FORMS,
  RedisAddressError,
  redisAddressOf,
  redisUrlProblems,
  type RedisAddress,
  type RedisEndpoint,
} from './redis-address.js';
export { keyPrefixOf, queuePrefixOf, REDIS_PREFIX_PATTERN, slotOf, type RedisNames } from './redis-prefix.js';
export {
  ANSWERS_MAX,
  entityOfLeaseId,
  entityOfReservationId,
  HOLD_SECONDS_DEFAULT,
  HOLD_SECONDS_MAX,
  LEASE_ID,
  leaseId,
  RESERVATION_ID,
  reservationId,
  UNIQUE_PART_LENGTH,
  type Remaining,
  type Reservation,
} from './reservation.js';
export { isTraceparent, type TraceContext } from './trace-context.js';
export {
  TOKENS_MAX,
  USAGE_EVENT_AHEAD_MS_MAX,
  USAGE_EVENT_BACK_MS_MAX,
  USAGE_EVENT_TAGS_MAX,
  USAGE_EVENT_TYPE,
  USAGE_EVENTS_MAX,
  usageEvent,
  type TokenUsage,
  type UsageEvent,
  type UsageFacts,
  type UsageReceipt,
  type UsageRefusalCode,
  type UsageSource,
} from './usage-event.js';
export {
  USAGE_JOB,
  USAGE_JOB_OPTIONS,
  USAGE_QUEUE,
  USAGE_SHARDS_MAX,
  usageQueueOf,
  usageQueues,
} from './usage-queue.js';
