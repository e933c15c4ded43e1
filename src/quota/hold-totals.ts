/**
 * What all requests in flight hold together, for the metrics. Each entity has keys of its own for its totals, so upkeep adds them up in one
 * worker, and every process reads the sum.
 */
import { Inject, Injectable } from '@nestjs/common';
import { NANOS_PER_USD, PICOS_PER_NANO } from '@tally/client/protocol';
import type { Redis } from 'ioredis';
import type { EntityName } from '../domain/ids.js';
import { observeAsked, sharedGauge, type AskedGauge } from '../platform/asked-gauges.js';
import { Clock } from '../platform/clock.js';
import { Metrics } from '../platform/metrics.js';
import { RedisNodes } from '../platform/redis-nodes.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { ScriptKeys } from './lua-script.js';
import { RedisBreakers } from './redis-breakers.js';
import { RedisQuota } from './redis-quota.js';

/** Keys that Redis scans in one step, which blocks it. */
const SCANNED_KEYS = 1_000;
/** Entities asked about in one write: some 3 ms of Redis' time. */
const ASKED_AT_ONCE = 100;
/** How long a sum counts that no worker renews. */
const KEPT_MS = 300_000;

type HoldTotal = { readonly count: number; readonly nanos: bigint };

const GAUGES: readonly AskedGauge<HoldTotal | null>[] = [
  sharedGauge(
    'tally_quota_holds_open',
    'Requests in flight and leases that hold something, of all customers.',
    (total) => total?.count ?? null,
  ),
  sharedGauge('tally_quota_held_usd', 'US dollars that they hold.', (total) =>
    total === null ? null : Number(total.nanos) / NANOS_PER_USD,
  ),
];

@Injectable()
export class HoldTotals {
  private readonly breakers: RedisBreakers;
  private readonly quota: RedisQuota;
  private readonly key: ScriptKeys;

  constructor(
    @Inject(QUOTA_REDIS) private readonly nodes: RedisNodes,
    clock: Clock,
    metrics: Metrics,
  ) {
    // Breakers of its own: a slow scan of all keys must not open those of the decisions.
    this.breakers = new RedisBreakers(nodes);
    this.quota = new RedisQuota(nodes, clock, this.breakers);
    this.key = new ScriptKeys([this.quota.keys.heldTotal]);
    observeAsked(metrics, {
      of: 'holds',
      ask: () => this.read(),
      gauges: GAUGES,
    });
  }

  /** Adds them up, and ends those that have expired. Throws Unavailable. */
  async sum(signal: AbortSignal): Promise<number> {
    let [count, nanos] = [0, 0n];
    for (const { redis } of this.nodes.masters())
      for await (const entities of this.holdersAt(redis)) {
        if (signal.aborted) return 0;
        const held = await Promise.all(entities.map((entity) => this.quota.held(entity)));
        for (const { requestCount, heldPicos } of held) {
          count += requestCount;
          nanos += heldPicos / PICOS_PER_NANO;
        }
      }
    const [name = ''] = this.key.names;
    const text = JSON.stringify({ count, nanos: String(nanos) });
    await this.breakers.at(this.key).ask((redis) => redis.set(name, text, 'PX', KEPT_MS));
    return 0;
  }

  /** Null where no worker has added them up lately. Throws Unavailable. */
  async read(): Promise<HoldTotal | null> {
    const [name = ''] = this.key.names;
    const text = await this.breakers.at(this.key).ask((redis) => redis.get(name));
    if (text === null) return null;
    const { count, nanos } = JSON.parse(text) as { count: number; nanos: string };
    return { count, nanos: BigInt(nanos) };
  }

  /** The entities with holds, each once, although a key that moves while Redis grows its table may be found twice. */
  private async *holdersAt(redis: Redis): AsyncGenerator<EntityName[]> {
    const seen = new Set<EntityName>();
    const { keys } = this.quota;
    for (let cursor = '0', more = true; more; more = cursor !== '0') {
      const [next, names] = await redis.scan(cursor, 'MATCH', keys.holdsPattern, 'COUNT', SCANNED_KEYS);
      const found = names.map((name) => keys.entityOfHolds(name)).filter((entity) => entity !== null);
      const entities = found.filter((entity) => !seen.has(entity) && seen.add(entity));
      for (let start = 0; start < entities.length; start += ASKED_AT_ONCE)
        yield entities.slice(start, start + ASKED_AT_ONCE);
      cursor = next;
    }
  }
}
