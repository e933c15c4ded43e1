/** Keeps the process' clock with Postgres', and says how far the other clocks are from it. */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Clock } from './clock.js';
import { Database } from './database.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import type { RedisNodes } from './redis-nodes.js';
import { QUOTA_REDIS } from './redis.js';

const REFRESH_MS = 5_000;
/** A difference that an operator must mend, although nothing is decided by those clocks. */
const DIFFERENCE_MS_MAX = 2_000;

type Watched = 'redis' | 'process';

@Injectable()
export class ClockWatch implements OnModuleInit, OnApplicationShutdown {
  private readonly warned = new Set<Watched>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly database: Database,
    @Inject(QUOTA_REDIS) private readonly redis: RedisNodes,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  /** The first measurement comes before the first request. */
  async onModuleInit(): Promise<void> {
    await this.refresh();
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Without Postgres the monotonic clock goes on from the last measurement, and without Redis nobody needs its time. */
  async refresh(): Promise<void> {
    const { clockDifference } = this.metrics;
    const isKnown = await this.clock.synchronize(this.database).then(
      () => true,
      () => false,
    );
    this.tell('process', await this.differenceOf(async () => this.clock.queueNowMs()));
    // Of a Cluster, the node whose clock is furthest away.
    const asked = this.redis
      .masters()
      .map(({ redis }) => this.differenceOf(() => timeOf(redis)).catch(() => null));
    const known = (await Promise.all(asked)).filter((ms) => ms !== null);
    const [furthest] = known.sort((a, b) => Math.abs(b) - Math.abs(a));
    if (furthest === undefined) clockDifference.remove({ clock: 'redis' });
    else this.tell('redis', furthest);
    // Compared with what nobody has read, a difference says nothing.
    if (!isKnown) clockDifference.reset();
  }

  private async differenceOf(read: () => Promise<number>): Promise<number> {
    const sentMs = performance.now();
    const timeMs = await read();
    return this.clock.differenceMs({ timeMs, sentMs, receivedMs: performance.now() });
  }

  private tell(clock: Watched, ms: number): void {
    this.metrics.clockDifference.set({ clock }, ms / 1_000);
    const isFar = Math.abs(ms) > DIFFERENCE_MS_MAX;
    if (isFar && !this.warned.has(clock))
      this.logger.warn('a clock differs from that of Postgres', { clock, seconds: Math.round(ms / 1_000) });
    if (isFar) this.warned.add(clock);
    else this.warned.delete(clock);
  }
}

async function timeOf(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000 + Number(micros) / 1_000;
}
