/** What each purpose's connections to Postgres are doing, read when Prometheus asks. */
import { Gauge, type Registry } from 'prom-client';
import type { Database } from './database.js';
import type { Metrics } from './metrics.js';
import type { Standby } from './standby.js';

export function observePools({ registry }: Metrics, database: Database): void {
  if (database.standby !== null) observeStandby(registry, database.standby);
  const connections = new Gauge({
    name: 'tally_database_connections',
    help: 'Connections to Postgres by purpose (ingest, money, decisions, reports, standby) and state (in_use, idle).',
    labelNames: ['purpose', 'state'],
    registers: [registry],
    collect() {
      for (const { purpose, inUse, idle } of database.poolCounts()) {
        connections.set({ purpose, state: 'in_use' }, inUse);
        connections.set({ purpose, state: 'idle' }, idle);
      }
    },
  });
  const bounds = new Gauge({
    name: 'tally_database_connections_max',
    help: 'Connections to Postgres that a purpose may open at most.',
    labelNames: ['purpose'],
    registers: [registry],
    collect() {
      for (const { purpose, max } of database.poolCounts()) bounds.set({ purpose }, max);
    },
  });
  const waiting = new Gauge({
    name: 'tally_database_waiting',
    help: 'Callers that wait for a connection to Postgres, by purpose.',
    labelNames: ['purpose'],
    registers: [registry],
    collect() {
      for (const { purpose, waiting: count } of database.poolCounts()) waiting.set({ purpose }, count);
    },
  });
}

function observeStandby(registry: Registry, standby: Standby): void {
  const up = new Gauge({
    name: 'tally_reports_standby_up',
    help: 'Whether the standby of REPORTS_DATABASE_URL answers: 1 or 0, and then reports are read from the primary.',
    registers: [registry],
    collect() {
      up.set(standby.state.isUp ? 1 : 0);
    },
  });
  const lag = new Gauge({
    name: 'tally_reports_lag_seconds',
    help: 'How old what the standby shows may be, in seconds; NaN where it does not answer.',
    registers: [registry],
    collect() {
      lag.set(standby.state.lagSeconds ?? Number.NaN);
    },
  });
}
