/** The metrics that Prometheus reads at /metrics. Labels have few values: no entity, no key, no path with an id in it. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const HTTP_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const GRANT_BUCKETS_USD = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1_000];

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
    help: 'Quota decisions: `allowed`, or the limit that denied the request (in the mode `shadow`, the limit that would have denied it).',
    labelNames: ['decision', 'mode', 'degraded'],
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
    help: "How far the clock of Redis and of this process' machine are ahead of that of Postgres, by which Tally goes.",
    labelNames: ['clock'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async text(): Promise<string> {
    return this.registry.metrics();
  }
}
