/** The quota's routes beside bare Fastify: rate, processor time and latency under full load. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { median } from './median.js';
import { latencyAtHalfRate } from './quota-latency.js';
import { benchLeases } from './quota-leases.js';
import type { LoadResult } from './full-load.js';
import type { LoadOrder } from './quota-load.js';
import {
  callAsAdmin,
  cpuMicrosOf,
  startBare,
  startLoad,
  startTally,
  stop,
  urlOf,
  type Peer,
} from './quota-servers.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const ENTITY = 'bench';
const CAPPED = 'bench-capped';
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const LEAN = 'Fastify + one lean script';
const OPEN_HOLDS = 8_000;
const FILLERS = 32;
const ROUNDS = 5;
const ROUND_SECONDS = 3;
const WARM_UP_SECONDS = 6;

/** `bareEntity` has a state that the service's scripts decide by on the bare server. */
export type Servers = {
  readonly redisUrl: string;
  readonly redisPid: number;
  readonly databaseUrl: string;
  readonly bareEntity: string;
  /** Waits until Redis has rewritten its file, because that takes a core from what is measured meanwhile. */
  readonly untilRewritten: () => Promise<void>;
};

export async function benchQuotaHttp(servers: Servers): Promise<Target[]> {
  const { redisUrl, databaseUrl, bareEntity } = servers;
  const tally = await startTally({ redisUrl, databaseUrl });
  const bare = await startBare(redisUrl, bareEntity);
  const load = startLoad();
  try {
    const [[bareUrl], url] = await Promise.all([once(bare, 'message') as Promise<[string]>, urlOf(tally)]);
    const key = await gatewayKey(url);
    const ofBare = (prefix: string) => ({
      order: orderFor(bareUrl, bareEntity, { key, prefix }),
      server: bare,
    });
    const ofTally = (entity: string) => ({
      order: orderFor(url, entity, { key, prefix: '' }),
      server: tally,
    });
    const peers: Record<string, Peer> = {
      Tally: ofTally(ENTITY),
      'Tally, project with a cap': ofTally(CAPPED),
      [LEAN]: ofBare('/lean'),
      'Fastify + the same scripts': ofBare('/same'),
      'Fastify alone': ofBare('/alone'),
    };
    for (const peer of Object.values(peers)) await fill(peer);
    const measurePeer = (order: LoadOrder) => measure(load, order);
    const targets = await compare(peers, servers, measurePeer);
    const p99Ms = await latencyAtHalfRate(peers, measurePeer, servers.untilRewritten);
    const leased = await benchLeases({ url, apiKey: key, project: `${ENTITY}/p`, model: MODEL });
    return [...targets, p99Ms, leased];
  } finally {
    await Promise.all([tally, bare, load].map(stop));
  }
}

type Measured = {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly node: number;
  readonly redis: number;
};

/**
 * Measures the servers in turn, so that other work of the machine affects them all alike. Where the load and the servers share few
 * cores the rate says little, but the processor time of a request is the server's own.
 */
async function compare(
  peers: Record<string, Peer>,
  { redisPid, untilRewritten }: Servers,
  measurePeer: (order: LoadOrder) => Promise<LoadResult>,
): Promise<Target[]> {
  const seen = new Map(Object.keys(peers).map((name) => [name, [] as Measured[]]));
  for (const { order } of Object.values(peers)) await measurePeer({ ...order, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { order, server }] of Object.entries(peers)) {
      await untilRewritten();
      const cpu = async () => [await cpuMicrosOf(server.pid), await cpuMicrosOf(redisPid)] as const;
      const before = await cpu();
      const { perSecond, count, p50Ms, p99Ms } = await measurePeer(order);
      const [node, redis] = (await cpu()).map((micros, index) => (micros - before[index]!) / count) as [
        number,
        number,
      ];
      seen.get(name)!.push({ rate: perSecond, p50Ms, p99Ms, node, redis });
    }
  }
  const ofTally = seen.get('Tally')!;
  const ratio = (name: string, of: keyof Measured) =>
    median(ofTally.map((tally, round) => tally[of] / seen.get(name)![round]![of]));
  const cpuRatio = (name: string) =>
    median(ofTally.map((tally, round) => cpuOf(seen.get(name)![round]!) / cpuOf(tally)));
  const rows = [...seen].map(([name, each]) => ({
    server: name,
    'requests/s': Math.round(median(each.map(({ rate }) => rate))),
    'Tally to it': ratio(name, 'rate'),
    'by CPU': cpuRatio(name),
    'server, µs a request': median(each.map(({ node }) => node)),
    'Redis, µs a request': median(each.map(({ redis }) => redis)),
    'p50, ms': median(each.map(({ p50Ms }) => p50Ms)),
    'p99, ms': median(each.map(({ p99Ms }) => p99Ms)),
  }));
  const title = `Reserve and release over HTTP, 32 connections, ${OPEN_HOLDS.toLocaleString('en-US')} holds open, one process each`;
  printTable(`${title} (median of ${ROUNDS} rounds in turn)`, rows);
  return [
    { of: `requests/s to ${LEAN}`, measured: ratio(LEAN, 'rate'), least: 0.7 },
    { of: 'the same by CPU of server and Redis', measured: cpuRatio(LEAN), least: 0.7 },
    { of: `p99 to ${LEAN}`, measured: ratio(LEAN, 'p99Ms'), most: 2 },
  ];
}

function cpuOf({ node, redis }: Measured): number {
  return node + redis;
}

/** Holds that stay open while everything is measured. */
async function fill({ order: { url, prefix, headers, body } }: Peer): Promise<void> {
  let left = OPEN_HOLDS;
  const filler = async () => {
    for (; left > 0; left -= 1) {
      const response = await fetch(`${url}${prefix}/v1/quota/reservations`, {
        method: 'POST',
        headers,
        body,
      });
      if (response.status !== 201) throw new Error(await response.text());
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: FILLERS }, filler));
}

function orderFor(url: string, entity: string, { key, prefix }: { key: string; prefix: string }): LoadOrder {
  const body = { project: `${entity}/p`, model: MODEL, input_tokens: 1, max_output_tokens: 0 };
  return {
    url,
    prefix,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    seconds: ROUND_SECONDS,
    rate: null,
  };
}

async function measure(load: ChildProcess, order: LoadOrder): Promise<LoadResult> {
  load.send(order);
  const [result] = (await once(load, 'message')) as [LoadResult];
  if (result.failed > 0) throw new Error(`${result.failed} requests to ${order.url}${order.prefix} failed`);
  return result;
}

async function gatewayKey(url: string): Promise<string> {
  const limits = { monthly_cap_usd: '1000000', overage: 'allowed' };
  for (const entity of [ENTITY, CAPPED]) {
    await callAsAdmin(url, 'PUT', `/v1/admin/entities/${entity}`, { plan: 'free' });
    await callAsAdmin(url, 'PATCH', `/v1/admin/entities/${entity}/limits`, limits);
  }
  const cap = { monthly_cap_usd: '1000000' };
  await callAsAdmin(url, 'PUT', `/v1/admin/entities/${CAPPED}/projects/p`, cap);
  const key = { name: 'bench', role: 'gateway', entity: null };
  return (await callAsAdmin(url, 'POST', '/v1/admin/keys', key)).secret;
}
