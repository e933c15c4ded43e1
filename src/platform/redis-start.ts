/** Whether a Redis serves Tally, asked at the start: what it refuses is said at once, with its reason. */
import type { RedisAddress } from '@tally/client/protocol';
import { DeadlineError, Deadlines } from './deadline.js';
import type { Logger } from './logger.js';
import { readRedisMemory, SAFE_POLICY, type RedisMemory } from './redis-memory.js';
import type { RedisNode, RedisNodes } from './redis-nodes.js';
import { keyOfEach, probeKeys, type RedisUse } from './redis-probes.js';
import { askFirst, RedisRefusal, refusalIn } from './redis-refusals.js';
import { isUnavailable, Unavailable } from './unavailable.js';

/** For each node of a Cluster to answer in, like a command of a decision. */
const NODE_MS_MAX = 5_000;

const PROBE = "for _, key in ipairs(KEYS) do redis.call('set', key, '1', 'PX', '1') end";

/**
 * Resolves when commands are answered: an impatient connection refuses them until then. Rejects with a RedisRefusal as soon as a server says
 * that it will not serve us; waits for one that does not answer. Of Sentinels and of a Cluster the `address` is asked first.
 */
export async function untilServing(
  nodes: RedisNodes,
  use: RedisUse,
  address: RedisAddress | null = null,
): Promise<void> {
  if (address !== null) await askFirst(address);
  if (nodes.client.status !== 'ready') await untilReadyOrRefused(nodes);
  await Promise.all(
    probesOf(nodes, use).map(async (keys) => {
      const answer = probe(nodes, keys, address);
      await (nodes.isCluster ? withoutWaiting(answer) : answer);
    }),
  );
}

/** A node of a Cluster that is down is not waited for: the others serve. A worker's connection would wait for as long as it takes. */
async function withoutWaiting(answer: Promise<void>): Promise<void> {
  await new Deadlines().within(NODE_MS_MAX, answer).catch((error: unknown) => {
    if (!(error instanceof DeadlineError)) throw error;
  });
}

/** A user without the right to write would fail at the first event. One that is full or loading is waited for like one that is unavailable. */
async function probe({ client, isCluster }: RedisNodes, keys: string[], address: RedisAddress | null) {
  await client.eval(PROBE, keys.length, ...keys).catch((error: unknown) => {
    const refusal = refusalIn(error, isCluster ? 'cluster' : 'server');
    // The Sentinels may just have made it one.
    const isReplaced = address?.kind === 'sentinel' && String(error).includes('READONLY');
    if (refusal !== null && !isReplaced) throw refusal;
  });
}

/** The keys of each script. Two slots show a node of a Cluster that is taken for a single server: it takes them only one by one. */
function probesOf(nodes: RedisNodes, use: RedisUse): string[][] {
  const keyOf = probeKeys(nodes, use);
  if (!nodes.isCluster) return [[keyOf(1), keyOf(2)]];
  if (use === 'queue') return [[keyOf(1)]];
  // Each node of a Cluster has users of its own.
  return [...keyOfEach(nodes, keyOf).values()].map((key) => [key]);
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

/**
 * Refuses a Redis that may evict keys, and warns of what cannot be seen. Each node of a Cluster is asked; one that is down is named, and the
 * start goes on with the others.
 */
export async function checkMemory(nodes: RedisNodes, logger: Logger): Promise<void> {
  for (const name of nodes.givenUp()) warnOfDown(logger, name, 'it could not be reached');
  await Promise.all(nodes.all().map((node) => checkMemoryOf(node, logger)));
}

function warnOfDown(logger: Logger, node: string | null, reason: string): void {
  logger.warn('a node of redis is unavailable, so nobody can see whether it evicts keys', { node, reason });
}

async function checkMemoryOf(node: RedisNode, logger: Logger): Promise<void> {
  const memory = await readRedisMemory(node.redis).catch((error: unknown) => {
    const cause = isUnavailable(error) ? error.cause : error;
    const refusal = node.name === null ? null : refusalIn(cause, 'cluster', node.name);
    if (refusal !== null) throw refusal;
    if (node.name === null || !isUnavailable(error)) throw error;
    return error;
  });
  if (memory instanceof Unavailable) warnOfDown(logger, node.name, memory.reason);
  else judge(memory, node.name, logger);
}

function judge({ policy, isAppendOnly, refused }: RedisMemory, name: string | null, logger: Logger): void {
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
