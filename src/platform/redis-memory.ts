/** What Redis does when its memory is full. Tally's Redis may evict nothing: an accepted event that waits in the queue would be gone. */
import type { Redis } from 'ioredis';
import { askRedis } from './redis-errors.js';

export const SAFE_POLICY = 'noeviction';

export type RedisMemory = {
  /** Null where the user may ask for neither INFO nor CONFIG. */
  readonly policy: string | null;
  /** Keys that it has evicted since it started; null where it does not say. */
  readonly evictedKeys: number | null;
  /** 0 to 1 of `maxmemory`; null where there is no limit, or it does not say. */
  readonly usedRatio: number | null;
  /** Replicas that are connected and have its data; null where it does not say. */
  readonly replicaCount: number | null;
  /** Whether it writes down what it takes; null where it does not say. */
  readonly isAppendOnly: boolean | null;
  /** What the user may not ask for. */
  readonly refused: readonly ('info' | 'config')[];
};

/** Throws Unavailable. INFO says all of it; CONFIG is asked where INFO is refused, as managed servers refuse one or the other. */
export async function readRedisMemory(redis: Redis): Promise<RedisMemory> {
  const info = await allowed(askRedis(redis.info()));
  if (info !== null) {
    const fields = fieldsOf(info);
    const limit = numberOf(fields.get('maxmemory'));
    const used = numberOf(fields.get('used_memory'));
    return {
      policy: fields.get('maxmemory_policy') ?? null,
      evictedKeys: numberOf(fields.get('evicted_keys')),
      usedRatio: limit === null || limit === 0 || used === null ? null : used / limit,
      replicaCount: fields.has('connected_slaves') ? onlineReplicasIn(fields) : null,
      isAppendOnly: fields.has('aof_enabled') ? fields.get('aof_enabled') === '1' : null,
      refused: [],
    };
  }
  const config = (await allowed(askRedis(redis.config('GET', 'maxmemory-policy')))) as string[] | null;
  return {
    policy: config?.[1] ?? null,
    evictedKeys: null,
    usedRatio: null,
    replicaCount: null,
    isAppendOnly: null,
    refused: config === null ? ['info', 'config'] : ['info'],
  };
}

/** What Redis answers; null where this user, or everybody, may not ask for it. */
async function allowed<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return null;
    throw error;
  }
}

function fieldsOf(info: string): Map<string, string> {
  return new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return line.startsWith('#') || colon < 0
        ? []
        : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** `slave0:ip=…,port=…,state=online,offset=…,lag=0`; one that copies the data first is in another state. */
function onlineReplicasIn(fields: ReadonlyMap<string, string>): number {
  return [...fields].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online'))
    .length;
}

function numberOf(text: string | undefined): number | null {
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text);
}
