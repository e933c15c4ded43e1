/** Watches while we run what a start has checked: an operator may change Redis' policy, a full Redis takes no events, and replicas are lost. */
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Logger } from './logger.js';
import { Metrics, SHARED } from './metrics.js';
import { readRedisMemory, SAFE_POLICY, type RedisMemory } from './redis-memory.js';
import type { RedisNode, RedisNodes } from './redis-nodes.js';
import { QUEUE_REDIS, QUOTA_REDIS } from './redis.js';

const LOOK_MS = 5_000;
/** What stays wrong is said again. */
const AGAIN_LOOKS = 60_000 / LOOK_MS;
/** Above this share of `maxmemory` there is little time left. */
const NEARLY_FULL = 0.85;

@Injectable()
export class RedisMemoryWatch implements OnModuleInit, OnApplicationShutdown {
  private readonly safe: Gauge;
  private readonly evicted: Gauge;
  private readonly used: Gauge;
  private readonly replicas: Gauge;
  private timer: NodeJS.Timeout | null = null;
  /** By node; a Redis that was started again counts from 0. */
  private readonly evictions = new Map<string, number>();
  /** How many looks ago each problem was said. */
  private readonly said = new Map<string, number>();

  constructor(
    @Inject(QUOTA_REDIS) private readonly quota: RedisNodes,
    @Inject(QUEUE_REDIS) private readonly queue: RedisNodes,
    metrics: Metrics,
    private readonly logger: Logger,
  ) {
    const gauge = (name: string, help: string) =>
      new Gauge({ name, help: `${help} ${SHARED}`, registers: [metrics.registry] });
    this.safe = gauge(
      'tally_redis_noeviction',
      '1 where the maxmemory-policy of every Redis and node is noeviction, 0 where one may evict events that were accepted.',
    );
    this.evicted = gauge(
      'tally_redis_evicted_keys',
      'Keys that Redis has evicted since it started, all nodes together. Any of them may have been events that were accepted.',
    );
    this.used = gauge(
      'tally_redis_memory_used_ratio',
      'Share of maxmemory that Redis uses, or the fullest of its nodes; 0 where it has no limit. At 1 it takes no events.',
    );
    this.replicas = gauge(
      'tally_redis_replicas',
      'Replicas of Redis that have its data, of all servers and nodes together.',
    );
  }

  /** The start has checked the policy already. */
  async onModuleInit(): Promise<void> {
    await this.look();
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** While Redis is unavailable there is nothing to see, and others say so. */
  async look(): Promise<void> {
    const nodes = new Set([this.quota, this.queue].flatMap((each) => each.all()));
    const looked = await Promise.all(
      [...nodes].map(async (node) => ({ node, seen: await readRedisMemory(node.redis).catch(() => null) })),
    );
    const seen = looked.flatMap(({ node, seen: memory }) => (memory === null ? [] : [{ node, ...memory }]));
    if (seen.length === 0) {
      for (const gauge of [this.safe, this.evicted, this.used, this.replicas]) gauge.remove();
      return;
    }
    const policies = seen.flatMap(({ policy }) => policy ?? []);
    if (policies.length > 0) this.safe.set(policies.every((policy) => policy === SAFE_POLICY) ? 1 : 0);
    const evicted = seen.flatMap(({ evictedKeys }) => evictedKeys ?? []);
    if (evicted.length > 0) this.evicted.set(evicted.reduce((sum, keys) => sum + keys, 0));
    this.used.set(Math.max(...seen.map(({ usedRatio }) => usedRatio ?? 0)));
    const replicas = seen.flatMap(({ replicaCount }) => replicaCount ?? []);
    if (replicas.length > 0) this.replicas.set(replicas.reduce((sum, count) => sum + count, 0));
    for (const each of seen) this.tell(each);
  }

  private tell({ node, policy, evictedKeys, usedRatio }: RedisMemory & { node: RedisNode }): void {
    const fields = node.name === null ? {} : { node: node.name };
    const key = `${node.redis.options.host}:${node.redis.options.port}:${node.redis.options.path ?? ''}`;
    this.say(`policy ${key}`, policy !== null && policy !== SAFE_POLICY, () =>
      this.logger.error(
        'redis evicts keys when its memory is full: accepted events would be lost',
        new Error(`maxmemory-policy is ${policy}: set it to ${SAFE_POLICY}`),
        { policy, ...fields },
      ),
    );
    const before = this.evictions.get(key) ?? evictedKeys ?? 0;
    this.evictions.set(key, evictedKeys ?? 0);
    const more = (evictedKeys ?? 0) - before;
    if (more > 0)
      this.logger.error(
        'redis has evicted keys: usage that was accepted may be lost',
        new Error('reconcile with what the gateways sent, and raise maxmemory'),
        { evicted: more, ...fields },
      );
    this.say(`memory ${key}`, usedRatio !== null && usedRatio >= NEARLY_FULL, () =>
      this.logger.warn('the memory of redis is nearly full: when it is, no events are taken', {
        used_ratio: usedRatio,
        ...fields,
      }),
    );
  }

  /** At once, then once a minute for as long as it is wrong. */
  private say(problem: string, isWrong: boolean, log: () => void): void {
    const looks = this.said.get(problem);
    if (!isWrong) this.said.delete(problem);
    else if (looks === undefined || looks + 1 >= AGAIN_LOOKS) {
      log();
      this.said.set(problem, 0);
    } else this.said.set(problem, looks + 1);
  }
}
