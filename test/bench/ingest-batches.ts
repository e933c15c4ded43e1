/** One batch through the recorder, in this process: what a batch of one event costs, and how often a batch of many asks Postgres and Redis. */
import pg from 'pg';
import { cpuEach, cpuOf, type Cpu } from './cpu.js';
import { WARM_SHARE } from './ingest-drain.js';
import { eventsFrom, withRecorder, type BenchServers, type Within } from './ingest-servers.js';
import { customerName, oneOf } from './ingest-usage.js';
import { median } from './median.js';
import { printTable } from './table.js';
import type { Target } from './targets.js';

const CUSTOMERS = 630;
const EVENTS = 1_000;

export async function benchBatches(
  servers: BenchServers,
  { singles }: { singles: number },
): Promise<Target[]> {
  const counter = countsPostgres();
  try {
    return await withRecorder(servers, async (within) => {
      const one = await ofOne(servers, within, singles);
      const calls = await callsOf(within, counter);
      return [...one, ...calls];
    });
  } finally {
    counter.stop();
  }
}

async function ofOne(servers: BenchServers, { recorder }: Within, count: number): Promise<Target[]> {
  const reading = () => cpuOf({ ...servers, pid: process.pid });
  const millis: number[] = [];
  let before: Cpu | null = null;
  for (let index = 0; index < count; index += 1) {
    if (index === Math.floor(count * WARM_SHARE)) before = await reading();
    const events = eventsFrom([oneOf(customerName(index % 20))]);
    const startedMs = performance.now();
    await recorder.record(events);
    if (before !== null) millis.push(performance.now() - startedMs);
  }
  const { node, postgres, redis } = cpuEach(before!, await reading(), millis.length);
  const row = {
    batch: 'one event',
    'node, ms': node / 1_000,
    'Postgres, ms': postgres / 1_000,
    'Redis, ms': redis / 1_000,
    'p50, ms': median(millis),
  };
  printTable(`A batch of one event, ${millis.length} one after the other: CPU and time`, [row]);
  return [{ of: 'batch of one, Node + Postgres, ms of CPU', measured: (node + postgres) / 1_000, most: 4 }];
}

async function callsOf({ recorder, redis }: Within, counter: { postgres: number }): Promise<Target[]> {
  // As often as the statements need to be prepared, and prices and rates to be known.
  for (let round = 0; round < 3; round += 1) await recorder.record(manyEvents());
  const send = redis.sendCommand.bind(redis);
  let ofRedis = 0;
  redis.sendCommand = (...args) => {
    ofRedis += 1;
    return send(...args);
  };
  const before = counter.postgres;
  await recorder.record(manyEvents());
  const ofPostgres = counter.postgres - before;
  redis.sendCommand = send;
  const row = { events: EVENTS, customers: CUSTOMERS, 'Postgres calls': ofPostgres, 'Redis calls': ofRedis };
  printTable('What a batch asks, beside the begin and the commit of its transaction', [row]);
  return [
    { of: `Postgres calls of ${EVENTS} events of ${CUSTOMERS} customers`, measured: ofPostgres, most: 3 },
    { of: 'Redis calls of the same batch', measured: ofRedis, most: 45 },
  ];
}

function manyEvents() {
  return eventsFrom(Array.from({ length: EVENTS }, (_, index) => oneOf(customerName(index % CUSTOMERS))));
}

/** Of all connections that are made from now on. */
function countsPostgres(): { postgres: number; stop(): void } {
  const prototype = pg.Client.prototype as unknown as {
    query: (this: unknown, ...args: unknown[]) => unknown;
  };
  const query = Object.getOwnPropertyDescriptor(prototype, 'query')!;
  const counter = { postgres: 0, stop: () => Object.defineProperty(prototype, 'query', query) };
  const original = query.value as typeof prototype.query;
  prototype.query = function (...args) {
    if (!/^(?:begin|commit)\b/i.test(textOf(args[0]))) counter.postgres += 1;
    return original.apply(this, args);
  };
  return counter;
}

function textOf(statement: unknown): string {
  return typeof statement === 'string' ? statement : ((statement as { text?: string }).text ?? '');
}
