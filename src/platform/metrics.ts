/**
 * The metrics that Prometheus reads at /metrics. Labels have few values: no entity, no key, no path with an id in it. Counters and
 * histograms of several processes add up; so do gauges, except those whose help ends with SHARED or OWN.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const HTTP_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const GRANT_BUCKETS_USD = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1_000];
const LAG_BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];
const BATCH_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const BATCH_BUCKETS_EVENTS = [1, 10, 50, 100, 250, 500, 1_000, 2_000, 4_000];

/** The end of the help of a gauge that several processes read from the same place. */
export const SHARED = 'The same in all processes: use max.';
/** The end of the help of a gauge that says something about its process alone. */
export const OWN = 'Each process has its own: do not add them up.';

export type Build = { readonly version: string; readonly role: string };

export class Metrics {
  readonly registry = new Registry();

  readonly httpSeconds = new Histogram({
    name: 'tally_http_request_duration_seconds',
    help: 'Duration of HTTP requests in seconds, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: HTTP_BUCKETS_SECONDS,
    registers: [this.registry],
  });

  readonly quotaDecisions = new Counter({
    name: 'tally_quota_decisions_total',
    help: 'Quota decisions: `allowed`, or the limit that denied the request (in the mode `shadow`, the limit that would have denied it), by source: `redis`, `postgres` (Redis was unavailable), `local` (both were, and QUOTA_FAIL_MODE admitted).',
    labelNames: ['decision', 'mode', 'degraded', 'source'],
    registers: [this.registry],
  });

  readonly holds = new Counter({
    name: 'tally_quota_holds_total',
    help: 'Holds of requests by what became of them: made, released (without a charge), settled (their usage was booked). A call or an event that is repeated counts again. The rest expires.',
    labelNames: ['event'],
    registers: [this.registry],
  });

  readonly leaseStatements = new Counter({
    name: 'tally_lease_statements_total',
    help: 'Statements of gateways about their leases, by outcome: granted (all that was wanted), shared (a part of it), near_limit, concurrency_limited or not_enforced (nothing), given_back (nothing was wanted), released (the lease ended), or the code of an error.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly leaseGrantsUsd = new Histogram({
    name: 'tally_lease_grant_usd',
    help: 'US dollars added to a lease by one statement, over the statements that were granted something.',
    buckets: GRANT_BUCKETS_USD,
    registers: [this.registry],
  });

  readonly usageEvents = new Counter({
    name: 'tally_usage_events_total',
    help: 'Usage events by what became of them: accepted, rejected (over HTTP), recorded, duplicate, conflict, dead_letter; unpriced and unread count among the recorded ones those that wait for a price and those with a field or tier that Tally cannot read.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly usageLag = new Histogram({
    name: 'tally_usage_lag_seconds',
    help: 'From the time of an event to when it was booked, by the clock of Postgres. Events that are reported late count as they come.',
    buckets: LAG_BUCKETS_SECONDS,
    registers: [this.registry],
  });

  readonly batchEvents = new Histogram({
    name: 'tally_usage_batch_events',
    help: 'Events in a batch of usage that was written.',
    buckets: BATCH_BUCKETS_EVENTS,
    registers: [this.registry],
  });

  readonly batchSeconds = new Histogram({
    name: 'tally_usage_batch_duration_seconds',
    help: 'How long writing a batch of usage took, its quota states included, by outcome: written, failed (its events are tried again).',
    labelNames: ['outcome'],
    buckets: BATCH_BUCKETS_SECONDS,
    registers: [this.registry],
  });

  readonly upkeepRuns = new Counter({
    name: 'tally_upkeep_runs_total',
    help: 'Runs of upkeep by lane, schedule and outcome: done, failed.',
    labelNames: ['lane', 'schedule', 'outcome'],
    registers: [this.registry],
  });

  readonly upkeepSuccess = new Gauge({
    name: 'tally_upkeep_last_success_timestamp_seconds',
    help: `When this worker ran the schedule last without an error; where it has not yet, when it started. Use max over all workers. ${OWN}`,
    labelNames: ['lane', 'schedule'],
    registers: [this.registry],
  });

  readonly upkeepSeconds = new Gauge({
    name: 'tally_upkeep_last_duration_seconds',
    help: `How long the last run of the schedule in this worker took. ${OWN}`,
    labelNames: ['lane', 'schedule'],
    registers: [this.registry],
  });

  readonly upkeepInterval = new Gauge({
    name: 'tally_upkeep_interval_seconds',
    help: `How often the schedule is due. ${SHARED}`,
    labelNames: ['lane', 'schedule'],
    registers: [this.registry],
  });

  readonly unanswered = new Counter({
    name: 'tally_metrics_unanswered_total',
    help: 'Questions to servers, asked for their metrics, that failed or took too long; these metrics had no value then.',
    labelNames: ['of'],
    registers: [this.registry],
  });

  readonly usageMonths = new Counter({
    name: 'tally_usage_months_total',
    help: 'Months of usage whose events are older than they are kept for, by what a run of upkeep did: dropped, kept (something waits for them, or they are in use), differing (their books differ).',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly badKeys = new Counter({
    name: 'tally_bad_keys_total',
    help: 'Requests with a missing or bad API key: missing, refused (401), or limited (429, since too many came from the address).',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  readonly refusals = new Counter({
    name: 'tally_refused_calls_total',
    help: 'Calls of good keys that were refused for a lack of rights, and changes that were refused, by code. Above a bound they are only counted here, not in the audit log.',
    labelNames: ['code'],
    registers: [this.registry],
  });

  readonly clockDifference = new Gauge({
    name: 'tally_clock_difference_seconds',
    help:
      "How far the clock of Redis and of this process' machine are ahead of that of Postgres, by which Tally goes. " +
      OWN,
    labelNames: ['clock'],
    registers: [this.registry],
  });

  constructor(build?: Build) {
    collectDefaultMetrics({ register: this.registry });
    if (build === undefined) return;
    new Gauge({
      name: 'tally_build_info',
      help: `Always 1: the release and the role of this process. ${OWN}`,
      labelNames: ['version', 'role'],
      registers: [this.registry],
    }).set(build, 1);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async text(): Promise<string> {
    return this.registry.metrics();
  }
}
