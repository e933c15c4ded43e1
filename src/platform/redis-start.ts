/** Whether a Redis serves Tally, asked at the start: what it refuses is said at once, with its reason. */
import { keyPrefixOf, queuePrefixOf, slotOf, type RedisAddress } from '@tally/client/protocol';
import type { Logger } from './logger.js';
import { readRedisMemory, SAFE_POLICY } from './redis-memory.js';
import type { RedisNode, RedisNodes } from './redis-nodes.js';
import { askFirst, RedisRefusal, refusalIn } from './redis-refusals.js';
import type { RedisPurpose } from './redis.js';

const PROBE = "for _, key in ipairs(KEYS) do redis.call('set', key, '1', 'PX', '1') end";

/**
 * Resolves when commands are answered: a quota connection refuses them until then. Rejects with a RedisRefusal as soon as a server says
 * that it will not serve us; waits for one that does not answer. Of Sentinels and of a Cluster the `address` is asked first.
 */
export async function untilServing(
  nodes: RedisNodes,
  purpose: RedisPurpose,
  address: RedisAddress | null = null,
): Promise<void> {
  if (address !== null) await askFirst(address);
  if (nodes.client.status !== 'ready') await untilReadyOrRefused(nodes);
  // A user without the right to write would fail at the first event. One that is full or loading is waited for like one that is unavailable.
  await Promise.all(
    probesOf(nodes, purpose).map(async (keys) => {
      await nodes.client.eval(PROBE, keys.length, ...keys).catch((error: unknown) => {
        const refusal = refusalIn(error, nodes.isCluster ? 'cluster' : 'server');
        // The Sentinels may just have made it one.
        const isReplaced = address?.kind === 'sentinel' && String(error).includes('READONLY');
        if (refusal !== null && !isReplaced) throw refusal;
      });
    }),
  );
}

/** The keys of each script. Two slots show a node of a Cluster that is taken for a single server: it takes them only one by one. */
function probesOf(nodes: RedisNodes, purpose: RedisPurpose): string[][] {
  const { names } = nodes;
  const ofQueue = (n: number) => `${queuePrefixOf('', names)}:probe-${n}:start`;
  const ofQuota = (n: number) => `${keyPrefixOf(names.prefix)}tally:{probe-${n}}:start`;
  if (!nodes.isCluster) return [[1, 2].map(purpose === 'quota' ? ofQuota : ofQueue)];
  if (purpose === 'queue') return [[ofQueue(1)]];
  // Each node of a Cluster has users of its own.
  const keyAt = (name: string | null): string => {
    for (let n = 1; ; n += 1) {
      const owner = nodes.nodeOf(slotOf(ofQuota(n)));
      if (owner === null || owner.name === name) return ofQuota(n);
    }
  };
  return nodes.masters().map(({ name }) => [keyAt(name)]);
}

async function untilReadyOrRefused({ client }: RedisNodes): Promise<void> {
  let stop = (): void => {};
  await new Promise<void>((resolve, reject) => {
    const kind = 'slots' in client ? 'cluster' : 'server';
    const onError = (error: unknown, name: unknown): void => {
      const refusal = refusalIn(error, kind, typeof name === 'string' ? name : null);
      if (refusal !== null) reject(refusal);
    };
    const events = ['error', 'node error'];
    client.once('ready', resolve);
    for (const event of events) client.on(event, onError);
    stop = () => {
      client.off('ready', resolve);
      for (const event of events) client.off(event, onError);
    };
  }).finally(() => stop());
}

/** Refuses a Redis that may evict keys, and says aloud what cannot be seen. Each node of a Cluster is asked. */
export async function checkMemory(nodes: RedisNodes, logger: Logger): Promise<void> {
  for (const node of nodes.all()) await checkMemoryOf(node, logger);
}

async function checkMemoryOf({ name, redis }: RedisNode, logger: Logger): Promise<void> {
  const { policy, isAppendOnly, refused } = await readRedisMemory(redis);
  const of = name === null ? '' : `at ${name} `;
  if (policy !== null && policy !== SAFE_POLICY)
    throw new RedisRefusal(
      `${of}evicts keys when its memory is full (maxmemory-policy ${policy}), and usage that was accepted would be lost: set maxmemory-policy ${SAFE_POLICY}`,
    );
  const fields = name === null ? {} : { node: name };
  if (policy === null)
    logger.error(
      'nobody can see whether redis evicts keys',
      new Error(
        `its user may not ask for ${refused.join(' and ')}: allow +info, and see that maxmemory-policy is ${SAFE_POLICY}`,
      ),
      fields,
    );
  else if (refused.length > 0)
    logger.warn('redis does not say how full it is: allow its user +info', { refused, ...fields });
  if (isAppendOnly === false)
    logger.warn('redis writes nothing down: a crash loses the events that wait; set appendonly yes', fields);
}
