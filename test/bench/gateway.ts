/** What the gateway adds to a request: the same load against a model server alone and through the gateway, in turn, in one run. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { median } from './median.js';
import { callAsAdmin, child, cpuMicrosOf, startTally, stop, urlOf } from './quota-servers.js';
import { printTable } from './table.js';
import { printTargets, type Target } from './targets.js';

const GATEWAY = fileURLToPath(new URL('../../packages/gateway/dist/main.js', import.meta.url));
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const ENTITY = 'bench';
const CALLER_KEY = 'bench-caller-key';
const ROUNDS = 7;
const WARM_UP_SECONDS = 5;

/** `thinkMs`: how long the model takes; a stream has that between its events. */
type Load = {
  readonly name: string;
  readonly callers: number;
  readonly thinkMs: number;
  readonly eventCount: number;
  readonly seconds: number;
};

const LOADS: readonly Load[] = [
  { name: 'one at a time, model 5 ms', callers: 1, thinkMs: 5, eventCount: 0, seconds: 2 },
  { name: '32 at once, model 100 ms', callers: 32, thinkMs: 100, eventCount: 0, seconds: 3 },
  {
    name: '32 streams at once, 40 events, 10 ms apart',
    callers: 32,
    thinkMs: 10,
    eventCount: 40,
    seconds: 3,
  },
  { name: '32 at once, model 0 ms (both full)', callers: 32, thinkMs: 0, eventCount: 0, seconds: 3 },
];

type Measured = { readonly perSecond: number; readonly firstByteMs: number; readonly wholeMs: number };

export async function benchGateway(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const started: ChildProcess[] = [];
  try {
    const redisUrl = embedded.redisUrl!;
    const tally = await startTally({ redisUrl, databaseUrl: embedded.databaseUrl! });
    started.push(tally);
    const tallyUrl = await urlOf(tally);
    const model = child('gateway-model.ts', [], []);
    started.push(model);
    const [modelUrl] = (await once(model, 'message')) as [string];
    const gateway = await startGateway({ tallyUrl, modelUrl, redisUrl });
    started.push(gateway);
    printTargets(await compare({ alone: modelUrl, through: await gatewayUrl(gateway), gateway }));
  } finally {
    for (const each of started.toReversed()) await stop(each);
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function startGateway(urls: {
  tallyUrl: string;
  modelUrl: string;
  redisUrl: string;
}): Promise<ChildProcess> {
  const { tallyUrl, modelUrl, redisUrl } = urls;
  await callAsAdmin(tallyUrl, 'PUT', `/v1/admin/entities/${ENTITY}`, { plan: 'enterprise' });
  await callAsAdmin(tallyUrl, 'POST', `/v1/admin/entities/${ENTITY}/credits`, { amount_usd: '100000' });
  const { secret } = await callAsAdmin(tallyUrl, 'POST', '/v1/admin/keys', {
    name: 'bench',
    role: 'gateway',
  });
  return spawn(process.execPath, ['--max-semi-space-size=64', GATEWAY], {
    env: {
      PATH: process.env['PATH'],
      TALLY_URL: tallyUrl,
      TALLY_API_KEY: secret,
      REDIS_URL: redisUrl,
      GATEWAY_PORT: '0',
      GATEWAY_LEASES: 'true',
      GATEWAY_KEYS: `${CALLER_KEY}:${ENTITY}`,
      GATEWAY_UPSTREAM_URL: modelUrl,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The gateway goes on to write its log, which is read and dropped: with a full pipe it could not end. */
async function gatewayUrl(gateway: ChildProcess): Promise<string> {
  const output = gateway.stdout!;
  let log = '';
  let url: string | undefined;
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    log += String(chunk);
    url = /"url":"(http:[^"]+)"[^\n]*"msg":"gateway listens"/.exec(log)?.[1];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error(`the gateway did not start: ${log}`);
  // Only now: the end of the loop pauses the stream.
  output.resume();
  return url;
}

async function compare(urls: { alone: string; through: string; gateway: ChildProcess }): Promise<Target[]> {
  const rows: Record<string, string | number>[] = [];
  const added = new Map<string, { firstByteMs: number; ratio: number }>();
  const warm = { ...LOADS[1]!, thinkMs: 0, seconds: WARM_UP_SECONDS };
  await run(urls.through, warm);
  for (const load of LOADS) {
    const rounds: { alone: Measured; through: Measured; micros: number }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const alone = await run(urls.alone, load);
      const before = await cpuMicrosOf(urls.gateway.pid);
      const through = await run(urls.through, load);
      const micros = ((await cpuMicrosOf(urls.gateway.pid)) - before) / (through.perSecond * load.seconds);
      rounds.push({ alone, through, micros });
    }
    const of = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick));
    const firstByteMs = of(({ alone, through }) => through.firstByteMs - alone.firstByteMs);
    const ratio = of(({ alone, through }) => through.perSecond / alone.perSecond);
    added.set(load.name, { firstByteMs, ratio });
    rows.push({
      load: load.name,
      'alone, requests/s': of(({ alone }) => alone.perSecond),
      'through the gateway': of(({ through }) => through.perSecond),
      ratio,
      'median first byte, alone, ms': of(({ alone }) => alone.firstByteMs),
      'added, ms': firstByteMs,
      'added to the whole, ms': of(({ alone, through }) => through.wholeMs - alone.wholeMs),
      "gateway's processor, µs/request": Math.round(of(({ micros }) => micros)),
    });
  }
  printTable(
    `The gateway with leases beside the model server alone (medians of ${ROUNDS} rounds in turn)`,
    rows,
  );
  return [
    {
      of: 'added to the first byte at the median, one at a time, ms',
      measured: added.get(LOADS[0]!.name)!.firstByteMs,
      most: 1,
    },
    ...LOADS.slice(1, 3).map(({ name }) => ({
      of: `throughput ratio, ${name}`,
      measured: added.get(name)!.ratio,
      least: 0.9,
    })),
  ];
}

/** Each caller sends its next request when it has the whole answer to the last. */
async function run(url: string, load: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.callers });
  const body = JSON.stringify({
    model: MODEL,
    messages: [{ role: 'user', content: 'word '.repeat(200) }],
    max_tokens: 64,
    stream: load.eventCount > 0,
    bench: { think_ms: load.thinkMs, events: load.eventCount },
  });
  const firstByteMs: number[] = [];
  const wholeMs: number[] = [];
  const endMs = performance.now() + load.seconds * 1_000;
  const startMs = performance.now();
  const callers = Array.from({ length: load.callers }, async () => {
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      firstByteMs.push((await post(url, { body, agent })) - sentMs);
      wholeMs.push(performance.now() - sentMs);
    }
  });
  await Promise.all(callers);
  const perSecond = (wholeMs.length / (performance.now() - startMs)) * 1_000;
  agent.destroy();
  return { perSecond, firstByteMs: median(firstByteMs), wholeMs: median(wholeMs) };
}

/** Resolves when the answer is whole, with the instant of its first byte. */
async function post(url: string, { body, agent }: { body: string; agent: Agent }): Promise<number> {
  const headers = {
    authorization: `Bearer ${CALLER_KEY}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const sending = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers });
  sending.end(body);
  const [response] = (await once(sending, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`);
  const [first] = await Promise.all([
    once(response, 'data').then(() => performance.now()),
    once(response, 'end'),
  ]);
  return first;
}
