/** What every module may inject: the opened connections, and what watches them. */
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { ClockWatch } from './clock-watch.js';
import { Clock } from './clock.js';
import { Database } from './database.js';
import { LaggingReports } from './lagging-reports.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { observePools } from './pool-metrics.js';
import { observeUsageQueue } from './queue-metrics.js';
import { observeServers } from './server-metrics.js';
import { UsageQueue } from './queues.js';
import { RedisMemoryWatch } from './redis-memory-watch.js';
import type { RedisConnections } from './redis-connections.js';
import { QUEUE_REDIS, QUOTA_REDIS } from './redis.js';
import { Replicas } from './replicas.js';
import { ReportsDatabase } from './reports-database.js';

/** Opened before the app and closed after it. */
export type PlatformParts = {
  readonly database: Database;
  readonly redis: RedisConnections;
  readonly queueShards: number;
  /** How many replicas must have what is added to the queue. */
  readonly queueReplicasMin: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

@Module({})
export class PlatformModule {
  /** `settings` are what the environment decides for modules that have no other way to it. */
  static of(parts: PlatformParts, settings: Provider[]): DynamicModule {
    const { database, redis, queueShards, queueReplicasMin, clock, logger, metrics } = parts;
    observePools(metrics, database);
    observeServers(metrics, { database, redis });
    const replicas = queueReplicasMin === 0 ? null : new Replicas(redis.adding, queueReplicasMin);
    const usageQueue = new UsageQueue(redis.producer, clock, queueShards, replicas);
    observeUsageQueue(metrics, usageQueue);
    const providers: Provider[] = [
      { provide: Database, useValue: database },
      { provide: ReportsDatabase, useValue: database.reports },
      { provide: LaggingReports, useValue: database.lagging },
      { provide: Clock, useValue: clock },
      ClockWatch,
      RedisMemoryWatch,
      { provide: Logger, useValue: logger },
      { provide: Metrics, useValue: metrics },
      { provide: QUOTA_REDIS, useValue: redis.quota },
      { provide: QUEUE_REDIS, useValue: redis.producer },
      { provide: UsageQueue, useValue: usageQueue },
      ...settings,
    ];
    const tokens = providers.map((provider) =>
      typeof provider === 'function' ? provider : provider.provide,
    );
    return { module: PlatformModule, global: true, providers, exports: tokens };
  }
}
