/** What each purpose's connections to Postgres are doing, read when Prometheus asks. */
import { Gauge } from 'prom-client';
import type { Database } from './database.js';
import type { Metrics } from './metrics.js';

export function observePools({ registry }: Metrics, database: Database): void {
  const connections = new Gauge({
    name: 'tally_database_connections',
    help: 'Connections to Postgres by purpose (ingest, money, decisions, reports) and state (in_use, idle).',
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
