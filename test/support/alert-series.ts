/** An hour of series as Prometheus keeps them of a healthy Tally, one sample a minute, and for each alert what makes it fire. */

/** By series, values in promtool's notation. */
export type SeriesOf = Readonly<Record<string, string>>;

const MINUTES = 60;
const always = (value: number): string => `${value}x${MINUTES}`;
const rising = (perMinute: number): string => `0+${perMinute}x${MINUTES}`;

const QUOTA = 'route="/v1/quota/reservations",method="POST"';
const REPORT = 'route="/v1/usage/events",method="POST"';
const UPKEEP = 'lane="money",schedule="expire-grants"';
const SLOW_UPKEEP = 'lane="slow",schedule="roll-up-days"';

export const HEALTHY: SeriesOf = {
  'up{job="tally",instance="a"}': always(1),
  'up{job="tally",instance="b"}': always(1),
  'tally_build_info{instance="a",version="1.0.0",role="api"}': always(1),
  'tally_build_info{instance="b",version="1.0.0",role="worker"}': always(1),
  'tally_postgres_up{instance="a"}': always(1),
  'tally_postgres_up{instance="b"}': always(1),
  'tally_redis_up{instance="a"}': always(1),
  'tally_redis_up{instance="b"}': always(1),
  'tally_redis_noeviction{instance="a"}': always(1),
  'tally_redis_evicted_keys{instance="a"}': always(0),
  'tally_redis_memory_used_ratio{instance="a"}': always(0.4),
  'tally_redis_replicas{instance="a"}': always(2),
  'tally_reconciliation_differing_checks{instance="a"}': always(0),
  'tally_queue_failed_jobs{instance="a",queue="usage-events"}': always(0),
  'tally_queue_oldest_seconds{instance="a",queue="usage-events"}': always(2),
  'tally_queue_paused{instance="a",queue="usage-events"}': always(0),
  'tally_dead_letters_open{instance="a"}': always(0),
  'tally_usage_conflicts_open{instance="a"}': always(0),
  'tally_unpriced_events{instance="a"}': always(0),
  'tally_unread_fields{instance="a"}': always(0),
  'tally_webhooks_failing{instance="a"}': always(0),
  'tally_webhook_deliveries_open{instance="a"}': always(3),
  'tally_mail_deliveries_open{instance="a"}': always(0),
  'tally_failed_background_jobs{instance="a"}': always(0),
  'tally_usage_events_total{instance="b",outcome="recorded"}': rising(60_000),
  'tally_usage_events_total{instance="b",outcome="dead_letter"}': rising(6),
  'tally_usage_lag_seconds_bucket{instance="b",le="1"}': rising(60_000),
  'tally_usage_lag_seconds_bucket{instance="b",le="900"}': rising(60_000),
  'tally_usage_lag_seconds_bucket{instance="b",le="+Inf"}': rising(60_000),
  'tally_usage_waiting{instance="b",reason="locked"}': always(0),
  'tally_usage_waiting{instance="b",reason="bug"}': always(0),
  'tally_usage_batch_duration_seconds_count{instance="b",outcome="written"}': rising(600),
  'tally_usage_batch_duration_seconds_count{instance="b",outcome="failed"}': rising(0),
  [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="201"}`]: rising(60_000),
  [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="503"}`]: rising(0),
  [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="500"}`]: rising(0),
  [`tally_http_request_duration_seconds_bucket{instance="a",${QUOTA},status="201",le="0.01"}`]:
    rising(60_000),
  [`tally_http_request_duration_seconds_bucket{instance="a",${QUOTA},status="201",le="1"}`]: rising(60_000),
  [`tally_http_request_duration_seconds_bucket{instance="a",${QUOTA},status="201",le="+Inf"}`]:
    rising(60_000),
  [`tally_http_request_duration_seconds_count{instance="a",${REPORT},status="202"}`]: rising(60_000),
  [`tally_http_request_duration_seconds_count{instance="a",${REPORT},status="503"}`]: rising(0),
  'tally_quota_decisions_total{instance="a",source="redis"}': rising(60_000),
  'tally_quota_decisions_total{instance="a",source="postgres"}': rising(0),
  'tally_clock_difference_seconds{instance="a",clock="redis"}': always(-0.02),
  'tally_database_waiting{instance="a",purpose="decisions"}': always(0),
  'nodejs_eventloop_lag_p99_seconds{instance="a"}': always(0.02),
  'tally_metrics_unanswered_total{instance="a",of="inbox"}': always(0),
  'tally_bad_keys_total{instance="a",outcome="limited"}': always(0),
  [`tally_upkeep_interval_seconds{instance="b",${UPKEEP}}`]: always(60),
  [`tally_upkeep_last_success_timestamp_seconds{instance="b",${UPKEEP}}`]: rising(60),
  [`tally_upkeep_runs_total{instance="b",${UPKEEP},outcome="failed"}`]: always(0),
  [`tally_upkeep_interval_seconds{instance="b",${SLOW_UPKEEP}}`]: always(60),
  [`tally_upkeep_last_success_timestamp_seconds{instance="b",${SLOW_UPKEEP}}`]: rising(60),
};

/** In place of healthy series: `_` is one that is missing. */
export const FIRES: Readonly<Record<string, SeriesOf>> = {
  TallyBooksDiffer: { 'tally_reconciliation_differing_checks{instance="a"}': always(1) },
  TallyRedisMayEvict: { 'tally_redis_noeviction{instance="a"}': always(0) },
  TallyRedisEvicted: { 'tally_redis_evicted_keys{instance="a"}': rising(1) },
  TallyJobsFailed: { 'tally_queue_failed_jobs{instance="a",queue="usage-events"}': always(1) },
  TallyDeadLettersMany: { 'tally_usage_events_total{instance="b",outcome="dead_letter"}': rising(1_200) },
  TallyDeadLetters: { 'tally_dead_letters_open{instance="a"}': always(1) },
  TallyConflicts: { 'tally_usage_conflicts_open{instance="a"}': always(1) },
  TallyUnpriced: { 'tally_unpriced_events{instance="a"}': always(1) },
  TallyUnreadUsage: { 'tally_unread_fields{instance="a"}': always(1) },
  // A queue that stands for so long is late as well.
  TallyQueueStuck: { 'tally_queue_oldest_seconds{instance="a",queue="usage-events"}': always(1_000) },
  TallyQueueLate: { 'tally_queue_oldest_seconds{instance="a",queue="usage-events"}': always(90) },
  TallyQueuePaused: { 'tally_queue_paused{instance="a",queue="usage-events"}': always(1) },
  TallyUsageRefused: {
    [`tally_http_request_duration_seconds_count{instance="a",${REPORT},status="503"}`]: rising(6),
  },
  TallyUsageLate: { 'tally_usage_lag_seconds_bucket{instance="b",le="1"}': rising(0) },
  TallyUsageFault: { 'tally_usage_waiting{instance="b",reason="bug"}': always(1) },
  TallyUsageLocked: { 'tally_usage_waiting{instance="b",reason="locked"}': always(1) },
  TallyBatchesFail: {
    'tally_usage_batch_duration_seconds_count{instance="b",outcome="failed"}': rising(100),
  },
  TallyWebhooksFail: { 'tally_webhooks_failing{instance="a"}': always(1) },
  TallyDeliveriesWait: { 'tally_mail_deliveries_open{instance="a"}': always(1_001) },
  TallyNobodyDecides: {
    [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="503"}`]: rising(6),
  },
  TallyNoRequests: {
    [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="201"}`]:
      '0+60000x40 2400000x20',
    [`tally_http_request_duration_seconds_count{instance="a",${REPORT},status="202"}`]:
      '0+60000x40 2400000x20',
  },
  TallyServerErrors: {
    [`tally_http_request_duration_seconds_count{instance="a",${QUOTA},status="500"}`]: rising(2_400),
  },
  TallyDecisionsWithoutRedis: { 'tally_quota_decisions_total{instance="a",source="postgres"}': rising(6) },
  TallyDecisionsSlow: {
    [`tally_http_request_duration_seconds_bucket{instance="a",${QUOTA},status="201",le="0.01"}`]:
      rising(50_000),
  },
  TallyProcessDown: { 'up{job="tally",instance="b"}': always(0) },
  TallyNoWorker: { 'tally_build_info{instance="b",version="1.0.0",role="worker"}': '_' },
  TallyNoApi: { 'tally_build_info{instance="a",version="1.0.0",role="api"}': '_' },
  TallyPostgresDown: { 'tally_postgres_up{instance="b"}': always(0) },
  TallyRedisDown: { 'tally_redis_up{instance="b"}': always(0) },
  TallyRedisFull: { 'tally_redis_memory_used_ratio{instance="a"}': always(0.9) },
  TallyReplicaLost: { 'tally_redis_replicas{instance="a"}': '2x20 1x40' },
  TallyClockApart: { 'tally_clock_difference_seconds{instance="a",clock="redis"}': always(-3) },
  TallyConnectionsShort: { 'tally_database_waiting{instance="a",purpose="decisions"}': always(1) },
  TallyProcessBusy: { 'nodejs_eventloop_lag_p99_seconds{instance="a"}': always(0.6) },
  TallyReleasesMixed: { 'tally_build_info{instance="c",version="1.1.0",role="api"}': always(1) },
  TallyMetricsUnanswered: { 'tally_metrics_unanswered_total{instance="a",of="inbox"}': rising(1) },
  TallyBadKeys: { 'tally_bad_keys_total{instance="a",outcome="limited"}': rising(6) },
  TallyUpkeepMoneyOverdue: {
    [`tally_upkeep_last_success_timestamp_seconds{instance="b",${UPKEEP}}`]: always(60),
  },
  TallyUpkeepOverdue: {
    [`tally_upkeep_last_success_timestamp_seconds{instance="b",${SLOW_UPKEEP}}`]: always(60),
  },
  TallyUpkeepFails: {
    [`tally_upkeep_runs_total{instance="b",${UPKEEP},outcome="failed"}`]: rising(1),
    [`tally_upkeep_last_success_timestamp_seconds{instance="b",${UPKEEP}}`]: `-240+60x${MINUTES}`,
  },
  TallyBackgroundJobFailed: { 'tally_failed_background_jobs{instance="a"}': '0x50 1x20' },
};

/** Alerts that fire beside one that includes them. */
export const ALSO: Readonly<Record<string, readonly string[]>> = { TallyQueueStuck: ['TallyQueueLate'] };

/** By what happened: three minutes without Postgres and Redis that are over by the time that a lasting outage would fire. */
export const PASSING: Readonly<Record<string, SeriesOf>> = {
  'an outage of three minutes that has ended': {
    'tally_metrics_unanswered_total{instance="a",of="inbox"}': '0x37 4 8 12x20',
    'tally_quota_decisions_total{instance="a",source="postgres"}': '0x37 60 120 180x20',
    [`tally_http_request_duration_seconds_count{instance="a",${REPORT},status="503"}`]: '0x37 60 120 180x20',
    [`tally_upkeep_runs_total{instance="b",${UPKEEP},outcome="failed"}`]: '0x37 2 4 6x20',
    'tally_redis_replicas{instance="a"}': '2x37 1x5 2x20',
  },
};
