/** Why a Redis does not serve us, in words that tell an operator what to do. */
import type { RedisAddress } from '@tally/client/protocol';
import { nodeOptions, sentinelOptions } from '@tally/client/redis';
import { Redis, type RedisOptions } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';

/** Redis answers, but not to us; trying again changes nothing. */
const REFUSAL = /\b(NOAUTH|WRONGPASS|NOPERM|NOPROTO)\b|The user executing the script can't/;

/** Codes of Node's TLS for a certificate that does not fit, and for a server that speaks no TLS. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_SSL|ERR_TLS|EPROTO/;

/** What a server answers that is of another kind than its URL says. */
const OTHER_KINDS: Readonly<Record<'server' | 'sentinel' | 'cluster', readonly [RegExp, string][]>> = {
  server: [
    [/\b(CROSSSLOT|MOVED|CLUSTERDOWN)\b/, 'is a node of a Cluster: write redis+cluster://host:port'],
    [/\bREADONLY\b/, 'is a replica: name its master, or its Sentinels with redis+sentinel://'],
  ],
  sentinel: [[/unknown command/i, 'is no Sentinel: write redis://host:port for a server']],
  cluster: [[/cluster support disabled/, 'is no Cluster: write redis://host:port']],
};

const ASK_AGAIN_MS = 200;

/** The message says what is wrong with the server and what to do. */
export class RedisRefusal extends Error {
  override readonly name = 'RedisRefusal';
}

/** Null for an error of a Redis that may serve us later. `name` is that of one of several servers. */
export function refusalIn(
  error: unknown,
  kind: 'server' | 'sentinel' | 'cluster',
  name: string | null = null,
): RedisRefusal | null {
  if (!(error instanceof Error)) return null;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  if (lastNodeError !== undefined) return refusalIn(lastNodeError, kind, name);
  const at = name === null ? '' : `at ${name} `;
  for (const [pattern, words] of OTHER_KINDS[kind])
    if (pattern.test(error.message)) return new RedisRefusal(`${at}${words}`);
  // The client's check whether Redis is ready, and Redis itself where a script ran the command, wrap the reply in words of their own.
  const isRefusal = REFUSAL.test(error.message) || ('code' in error && CERTIFICATE.test(String(error.code)));
  return isRefusal ? new RedisRefusal(`${at}refuses us: ${error.message}`) : null;
}

/**
 * Asks the Sentinels for their master, or nodes for their Cluster, by connections of its own: the client keeps for itself why it gets no
 * answer. Resolves as soon as one answers. Throws RedisRefusal where none does and one refuses.
 */
export async function askFirst(address: RedisAddress): Promise<void> {
  const { kind, nodes } = address;
  if (kind !== 'sentinel' && kind !== 'cluster') return;
  for (;;) {
    const answers = await Promise.all(nodes.map((_, index) => ask(address, index)));
    if (answers.includes('yes')) return;
    const refusal = answers.find((answer) => answer instanceof RedisRefusal);
    if (refusal !== undefined) throw refusal;
    await delay(ASK_AGAIN_MS);
  }
}

async function ask(address: RedisAddress, index: number): Promise<'yes' | 'unavailable' | RedisRefusal> {
  const { host, port } = address.nodes[index]!;
  const name = `${host}:${port}`;
  const kind = address.kind === 'cluster' ? 'cluster' : 'sentinel';
  const options: RedisOptions =
    kind === 'cluster' ? nodeOptions(address, index) : sentinelOptions(address, index);
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  let first: unknown = null;
  redis.on('error', (error) => (first ??= error));
  try {
    await redis.connect();
    if (kind === 'cluster') {
      await redis.cluster('SLOTS');
      await redis.cluster('INFO');
      return 'yes';
    }
    const master = await redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', address.master!);
    return master !== null
      ? 'yes'
      : new RedisRefusal(
          `at ${name} is a Sentinel that knows no master ${address.master}: name it as its sentinel.conf does`,
        );
  } catch (error) {
    return refusalIn(first, kind, name) ?? refusalIn(error, kind, name) ?? 'unavailable';
  } finally {
    redis.disconnect();
  }
}
