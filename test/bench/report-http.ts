/** Usage over HTTP, one event a request: beside bare Fastify that adds the same to BullMQ, a job a request. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_QUEUE } from '@tally/client/protocol';
import { median } from './median.js';
import { callAsAdmin, child, cpuMicrosOf, flagsOfStart, startTally, stop, urlOf } from './quota-servers.js';
import type { LoadResult } from './full-load.js';
import type { ReportOrder } from './report-load.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const ROUNDS = 5;
const WARM_UP_ROUNDS = 1;
/** Nothing takes the jobs of a round, so it stays below what may wait of one key. */
const ROUND_EVENTS = 15_000;

type Servers = { readonly redisUrl: string; readonly databaseUrl: string };
type Peer = { readonly url: string; readonly server: ChildProcess };
type Round = LoadResult & { readonly cpuMicros: number };

export async function benchReportHttp({ redisUrl, databaseUrl }: Servers): Promise<Target[]> {
  const flags = await flagsOfStart();
  const tally = await startTally({ redisUrl, databaseUrl });
  const bare = child('report-bare.ts', [redisUrl], flags);
  const load = child('report-load.ts', [], []);
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(USAGE_QUEUE, { connection: redis });
  try {
    const [[bareUrl], url] = await Promise.all([once(bare, 'message') as Promise<[string]>, urlOf(tally)]);
    const peers: Record<string, Peer> = {
      Tally: { url, server: tally },
      'Fastify + BullMQ': { url: bareUrl, server: bare },
    };
    const keys = await Promise.all(Array.from({ length: KEYS }, () => newKey(url)));
    return [await compare(peers, { load, queue, keys })];
  } finally {
    await queue.close();
    redis.disconnect();
    await Promise.all([tally, bare, load].map(stop));
  }
}

/** Each round has a key of its own, so that none is refused for what waits of it. */
const KEYS = ROUNDS + WARM_UP_ROUNDS;

async function compare(
  peers: Record<string, Peer>,
  { load, queue, keys }: { load: ChildProcess; queue: Queue; keys: readonly string[] },
): Promise<Target> {
  const rounds = new Map(Object.keys(peers).map((name) => [name, [] as Round[]]));
  for (const [index, apiKey] of keys.entries()) {
    for (const [name, peer] of Object.entries(peers)) {
      await queue.drain();
      const round = await measure(load, peer, { url: peer.url, apiKey, count: ROUND_EVENTS });
      if (index >= WARM_UP_ROUNDS) rounds.get(name)!.push(round);
    }
  }
  await queue.drain();
  const ofTally = rounds.get('Tally')!;
  const ratioTo = (each: readonly Round[]) =>
    median(ofTally.map((round, n) => round.perSecond / each[n]!.perSecond));
  const of = (each: readonly Round[], figure: keyof Round) => median(each.map((round) => round[figure]));
  const rows = [...rounds].map(([server, each]) => ({
    server,
    'events/s': Math.round(of(each, 'perSecond')),
    'CPU, µs an event': Math.round(of(each, 'cpuMicros')),
    'p50, ms': of(each, 'p50Ms'),
    'p99, ms': of(each, 'p99Ms'),
    'Tally to it, events/s': ratioTo(each),
  }));
  printTable(`One event a request over HTTP, 64 connections (median of ${ROUNDS} rounds in turn)`, rows);
  return {
    of: 'events/s over HTTP to Fastify + BullMQ',
    measured: ratioTo(rounds.get('Fastify + BullMQ')!),
    least: 1.5,
  };
}

async function measure(load: ChildProcess, { server }: Peer, order: ReportOrder): Promise<Round> {
  const before = await cpuMicrosOf(server.pid);
  load.send(order);
  const [result] = (await once(load, 'message')) as [LoadResult];
  if (result.failed > 0) throw new Error(`${result.failed} requests to ${order.url} failed`);
  return { ...result, cpuMicros: ((await cpuMicrosOf(server.pid)) - before) / result.count };
}

async function newKey(url: string): Promise<string> {
  const key = { name: 'bench', role: 'gateway', entity: null };
  return (await callAsAdmin(url, 'POST', '/v1/admin/keys', key)).secret;
}
