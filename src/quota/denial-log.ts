/**
 * How often an entity was denied, by hour and limit, and which denials came last. A denial costs a decision one addition in memory: once
 * a second the sums go to Redis. What is in memory then is lost with the process, and what Redis has with Redis: nothing is decided by it.
 */
import { DAY_MS, HOUR_MS } from '../domain/buckets.js';
import type { EntityName } from '../domain/ids.js';
import { isUnavailable } from '../platform/unavailable.js';
import type { ChainableCommander } from 'ioredis';
import type { RedisBreakers } from './redis-breakers.js';
import type { RedisCircuitBreaker } from './redis-circuit-breaker.js';
import type { RedisKeys } from './redis-keys.js';

const FLUSH_MS = 1_000;

/** Of one second. Denials of more entities are not counted, so that invented names do not fill memory. */
const ENTITIES_MAX = 5_000;

/** The newest that are listed, of each entity and of one second. */
const LISTED_MAX = 200;
const LISTED_PER_FLUSH_MAX = 30;
const LISTED_SECONDS = 86_400;

const DAYS_SHOWN = 7;
const COUNTED_SECONDS = (DAYS_SHOWN + 1) * 86_400;

export type DeniedHour = { readonly hour: Date; readonly limit: string; readonly count: number };

type Waiting = { readonly counts: Map<string, number>; readonly ids: string[] };

export class DenialLog {
  private waiting = new Map<EntityName, Waiting>();
  private isFlushing = false;

  constructor(
    private readonly redis: RedisBreakers,
    private readonly keys: RedisKeys,
  ) {}

  /** `id` null is of a denial whose explanation is not kept. */
  add(
    entity: EntityName,
    denied: { readonly atMs: number; readonly limit: string; readonly id: string | null },
  ): void {
    let waiting = this.waiting.get(entity);
    if (waiting === undefined) {
      if (this.waiting.size >= ENTITIES_MAX) return;
      waiting = { counts: new Map(), ids: [] };
      this.waiting.set(entity, waiting);
    }
    const field = `${Math.floor(denied.atMs / HOUR_MS)}:${denied.limit}`;
    waiting.counts.set(field, (waiting.counts.get(field) ?? 0) + 1);
    if (denied.id !== null && waiting.ids.length < LISTED_PER_FLUSH_MAX) waiting.ids.push(denied.id);
    if (this.isFlushing) return;
    this.isFlushing = true;
    setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** The ids of the newest denials, and the counts of the last seven days. Throws Unavailable. */
  async read(entity: EntityName, now: Date): Promise<{ ids: string[]; hours: DeniedHour[] }> {
    const today = Math.floor(now.getTime() / HOUR_MS / 24);
    const days = Array.from({ length: DAYS_SHOWN + 1 }, (_, back) => today - back);
    const redis = this.at(entity);
    const newest = this.keys.newestDenied(entity);
    const ids = await redis.ask((connection) => connection.lrange(newest, 0, LISTED_MAX - 1));
    const counts: Record<string, string>[] = [];
    for (const day of days) {
      const key = this.keys.deniedOn(entity, day);
      counts.push(await redis.ask((connection) => connection.hgetall(key)));
    }
    const hours = counts.flatMap((fields) => Object.entries(fields).map(readHour));
    const since = now.getTime() - DAYS_SHOWN * 24 * HOUR_MS;
    return { ids, hours: hours.filter(({ hour }) => hour.getTime() >= since).sort(newestFirst) };
  }

  forget(entity: EntityName): void {
    this.waiting.delete(entity);
  }

  /** How many there were in the hours that began within the last day, by entity and limit. Throws Unavailable. */
  async countLastDay(
    entities: readonly EntityName[],
    now: Date,
  ): Promise<Map<EntityName, Map<string, number>>> {
    const since = now.getTime() - DAY_MS;
    const today = Math.floor(now.getTime() / DAY_MS);
    // Sent one after another without waiting, so that they travel together. On a cluster they go to several nodes.
    const counted = entities.map(async (entity): Promise<[EntityName, Map<string, number>]> => {
      const keys = [today, today - 1].map((day) => this.keys.deniedOn(entity, day));
      const days = await Promise.all(
        keys.map((key) => this.at(entity).ask((connection) => connection.hgetall(key))),
      );
      const counts = new Map<string, number>();
      for (const { hour, limit, count } of days.flatMap(Object.entries).map(readHour))
        if (hour.getTime() >= since) counts.set(limit, (counts.get(limit) ?? 0) + count);
      return [entity, counts];
    });
    return new Map(await Promise.all(counted));
  }

  private async flush(): Promise<void> {
    const waiting = this.waiting;
    this.waiting = new Map();
    this.isFlushing = false;
    for (const [entity, denied] of waiting) {
      try {
        await this.at(entity).ask((connection) => this.write(connection.multi(), entity, denied).exec());
      } catch (error) {
        // Of another entity it may be another server.
        if (!isUnavailable(error, 'redis')) throw error;
      }
    }
  }

  private at(entity: EntityName): RedisCircuitBreaker {
    return this.redis.at(this.keys.ofHolds(entity));
  }

  private write(multi: ChainableCommander, entity: EntityName, { counts, ids }: Waiting): ChainableCommander {
    for (const [field, count] of counts) {
      const key = this.keys.deniedOn(entity, Math.floor(Number(field.split(':', 1)[0]) / 24));
      multi.hincrby(key, field, count).expire(key, COUNTED_SECONDS);
    }
    if (ids.length === 0) return multi;
    const key = this.keys.newestDenied(entity);
    return multi
      .lpush(key, ...ids)
      .ltrim(key, 0, LISTED_MAX - 1)
      .expire(key, LISTED_SECONDS);
  }
}

function readHour([field, count]: [string, string]): DeniedHour {
  const [hour = '', limit = ''] = field.split(':');
  return { hour: new Date(Number(hour) * HOUR_MS), limit, count: Number(count) };
}

function newestFirst(a: DeniedHour, b: DeniedHour): number {
  return b.hour.getTime() - a.hour.getTime() || (a.limit < b.limit ? -1 : 1);
}
