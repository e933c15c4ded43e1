/**
 * What the SQL of a batch costs alone: the two functions that count a batch, called through `pg` with columns that were computed before, over
 * two connections. The statements and columns are the recorder's own: it is run once for each batch and stopped before it commits.
 */
import pg from 'pg';
import type { UsageEvent } from '../../src/domain/usage.js';
import type { Database, Tx } from '../../src/platform/database.js';
import type { Quota } from '../../src/quota/quota.js';
import { cpuEach, cpuOf, type Cpu } from './cpu.js';
import { WARM_SHARE, type Measured } from './ingest-drain.js';
import { eventsFrom, recorderOver, withRecorder, type BenchServers, type Within } from './ingest-servers.js';
import { usageOf, type Shape } from './ingest-usage.js';

const CONNECTIONS = 2;

type Call = { readonly name: string; readonly text: string; readonly values: unknown[] };
type Batch = { readonly events: number; readonly calls: readonly Call[] };

export type RawOrder = { readonly shape: Shape; readonly events: number; readonly eventsPerBatch: number };

/** `databaseUrl` is a database that nobody else counts in. */
export async function countRaw(
  servers: BenchServers,
  databaseUrl: string,
  { shape, events, eventsPerBatch }: RawOrder,
): Promise<Measured> {
  const usage = eventsFrom(usageOf(shape, { events }));
  const lanes = await withRecorder({ ...servers, databaseUrl }, async (within) => {
    const computed: Batch[][] = [];
    for (const lane of lanesOf(usage)) computed.push(await compute(within, lane, eventsPerBatch));
    return computed;
  });
  return run(servers, databaseUrl, lanes);
}

/** A customer is always on the same connection, as nobody else may have locked it. All have equally many customers. */
function lanesOf(usage: readonly UsageEvent[]): UsageEvent[][] {
  const laneOf = new Map(
    [...new Set(usage.map(({ entity }) => entity))].map((name, n) => [name, n % CONNECTIONS]),
  );
  return Array.from({ length: CONNECTIONS }, (_, lane) =>
    usage.filter(({ entity }) => laneOf.get(entity) === lane),
  );
}

async function compute(
  within: Within,
  usage: readonly UsageEvent[],
  eventsPerBatch: number,
): Promise<Batch[]> {
  const calls: Call[] = [];
  const recorder = recorderOver({
    ...within,
    database: databaseThatListens(within.database, calls),
    quota: { publishStates: async () => {}, publish: async () => {} } as unknown as Quota,
  });
  const batches: Batch[] = [];
  for (let at = 0; at < usage.length; at += eventsPerBatch) {
    const events = usage.slice(at, at + eventsPerBatch);
    await recorder.record(events).catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
    batches.push({ events: events.length, calls: calls.splice(0) });
  }
  return batches;
}

class RolledBack extends Error {}

/** Keeps the calls that count, runs all but the last of them, and rolls back. */
function databaseThatListens(database: Database, calls: Call[]): Database {
  const transaction = (work: (tx: Tx) => Promise<unknown>) =>
    database.ingest.transaction(async (tx) => {
      await work(listening(tx, calls));
      throw new RolledBack();
    });
  return { ingest: { transaction, reader: database.ingest.reader } } as unknown as Database;
}

function listening(tx: Tx, calls: Call[]): Tx {
  const queryRaw = (strings: TemplateStringsArray, ...values: unknown[]) => {
    const text = strings.reduce((joined, part, index) => `${joined}$${index}${part}`);
    const name = /open_usage_batch|close_usage_batch/.exec(text)?.[0];
    if (name !== undefined) calls.push({ name, text, values });
    return name === 'close_usage_batch'
      ? Promise.resolve([{ states: '[]' }])
      : tx.$queryRaw(strings, ...values);
  };
  return new Proxy(tx, {
    get: (target, property) => (property === '$queryRaw' ? queryRaw : Reflect.get(target, property)),
  });
}

async function run(servers: BenchServers, databaseUrl: string, lanes: readonly Batch[][]): Promise<Measured> {
  const clients = lanes.map(
    () => new pg.Client({ connectionString: databaseUrl, options: '-c timezone=UTC' }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  const total = lanes.flat().reduce((sum, { events }) => sum + events, 0);
  const reading = async () => ({
    ms: performance.now(),
    cpu: await cpuOf({ ...servers, pid: process.pid }),
  });
  let left = total;
  let start: { left: number; ms: number; cpu: Cpu } | null = null;
  const runLane = async (client: pg.Client, batches: readonly Batch[]) => {
    for (const batch of batches) {
      await count(client, batch);
      left -= batch.events;
      if (start === null && left <= total * (1 - WARM_SHARE)) start = { left, ...(await reading()) };
    }
  };
  await Promise.all(clients.map((client, lane) => runLane(client, lanes[lane]!)));
  const end = await reading();
  await Promise.all(clients.map((client) => client.end()));
  const { left: events, ms, cpu } = start!;
  return { perSecond: events / ((end.ms - ms) / 1_000), cpu: cpuEach(cpu, end.cpu, events) };
}

async function count(client: pg.Client, { calls }: Batch): Promise<void> {
  await client.query('begin');
  for (const call of calls) {
    const { rows } = await client.query<Record<string, unknown>>(call);
    if (call.name === 'close_usage_batch' && rows[0]!['states'] === null)
      throw new Error('the raw batch was not counted');
  }
  await client.query('commit');
}
