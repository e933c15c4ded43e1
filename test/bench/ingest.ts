/**
 * `npm run bench -- ingest`: from a full queue to committed rows, each way beside the bare thing underneath, with the processor time of
 * each process for an event. At the end the books of all that was counted are checked.
 */
import { total, type Cpu } from './cpu.js';
import { benchBatches } from './ingest-batches.js';
import { benchCounted } from './ingest-counted.js';
import { drain, type Measured } from './ingest-drain.js';
import { printBooks } from './books.js';
import { countRaw } from './ingest-raw.js';
import {
  cloneOf,
  noopWorker,
  prepare,
  tallyWorker,
  withServers,
  type BenchServers,
} from './ingest-servers.js';
import { FULL, LEAN, WIDE, type Load, type Shape } from './ingest-usage.js';
import { median } from './median.js';
import { benchReportHttp } from './report-http.js';
import { printTable } from './table.js';
import { printTargets, type Target } from './targets.js';

const ROUNDS = 3;
const EVENTS_PER_JOB = 100;
/** Enough that most of a run is what a worker does after its first minute's compiling. */
const EVENTS = { hundreds: 400_000, lean: 80_000, singles: 60_000, raw: 120_000 };
const SINGLE_BATCHES = 4_000;
const SAMPLES = 600;

const FULL_NAME = 'Tally, 20 customers';
const WIDE_NAME = 'Tally, 1,000 customers';

/** `scale` below one is for a look whether it works: nothing that it says then means anything. */
export async function benchIngest({ scale }: { scale: number }): Promise<void> {
  const events = (of: keyof typeof EVENTS) =>
    Math.ceil((EVENTS[of] * scale) / EVENTS_PER_JOB) * EVENTS_PER_JOB;
  await withServers(async (servers) => {
    await prepare(servers);
    const rawUrl = await cloneOf(servers, 'tally_raw');
    const { targets, perSecond } = await benchHundreds(servers, rawUrl, events);
    await benchMeters(servers, events('lean'));
    targets.push(await benchSingles(servers, events('singles')));
    targets.push(...(await benchReportHttp(servers)));
    targets.push(...(await benchBatches(servers, { singles: Math.ceil(SINGLE_BATCHES * scale) })));
    targets.push(await benchCounted(servers, { perSecond, samples: Math.ceil(SAMPLES * scale) }));
    printTargets(targets);
    await printBooks('Tally', servers);
    await printBooks('raw batch SQL', { databaseUrl: rawUrl });
  });
}

async function benchHundreds(
  servers: BenchServers,
  rawUrl: string,
  events: (of: keyof typeof EVENTS) => number,
): Promise<{ targets: Target[]; perSecond: number }> {
  const ofTally = (shape: Shape) => drain(servers, hundreds(shape, events('hundreds')), tallyWorker);
  const ofRaw = (shape: Shape, eventsPerBatch: number) =>
    countRaw(servers, rawUrl, { shape, events: events('raw'), eventsPerBatch });
  const rounds = await inTurn({
    [FULL_NAME]: () => ofTally(FULL),
    'raw batch SQL, 20 customers, batches of 1,000': () => ofRaw(FULL, 1_000),
    [WIDE_NAME]: () => ofTally(WIDE),
    'raw batch SQL, 1,000 customers, batches of 4,000': () => ofRaw(WIDE, 4_000),
  });
  const [full, rawFull, wide, rawWide] = [...rounds.values()] as [
    Measured[],
    Measured[],
    Measured[],
    Measured[],
  ];
  const title = 'Full queue, 100 events a job, all fields and a reservation each: CPU an event';
  printMeasured(title, rounds);
  const ratio = (of: readonly Measured[], to: readonly Measured[]) =>
    median(of.map(({ perSecond }, round) => perSecond / to[round]!.perSecond));
  const cpu = (of: readonly Measured[], to: readonly Measured[]) =>
    median(of.map((each, round) => total(each.cpu) / total(to[round]!.cpu)));
  return {
    perSecond: median(full.map(({ perSecond }) => perSecond)),
    targets: [
      { of: 'hundreds, 20 customers: events/s to raw batch SQL', measured: ratio(full, rawFull), least: 0.6 },
      {
        of: 'hundreds, 1,000 customers: events/s to raw batch SQL',
        measured: ratio(wide, rawWide),
        least: 0.65,
      },
      { of: 'CPU an event, 1,000 customers to 20', measured: cpu(wide, full), most: 1.6 },
    ],
  };
}

async function benchMeters(servers: BenchServers, events: number): Promise<void> {
  const rounds = await inTurn({
    'three meters': () => drain(servers, hundreds(LEAN, events), tallyWorker),
    'eight meters': () => drain(servers, hundreds({ ...LEAN, meters: 8 }, events), tallyWorker),
  });
  printMeasured('Full queue, 100 events a job, the least that an event says: CPU an event', rounds);
}

/** What producers send that know nothing of Tally. */
async function benchSingles(servers: BenchServers, events: number): Promise<Target> {
  const load: Load = { ...FULL, events, eventsPerJob: 1 };
  const rounds = await inTurn({
    Tally: () => drain(servers, load, tallyWorker),
    'no-op worker of BullMQ': () => drain(servers, load, noopWorker),
  });
  printMeasured('Full queue, one event a job, 2,000 jobs at once: CPU an event', rounds);
  const [tally, noop] = [...rounds.values()] as [Measured[], Measured[]];
  const ratios = tally.map(({ perSecond }, round) => perSecond / noop[round]!.perSecond);
  return { of: 'one event a job: events/s to the no-op worker', measured: median(ratios), least: 0.6 };
}

function hundreds(shape: Shape, events: number): Load {
  return { ...shape, events, eventsPerJob: EVENTS_PER_JOB };
}

/** Round by round, so that other work of the machine affects all alike. */
async function inTurn(runs: Record<string, () => Promise<Measured>>): Promise<Map<string, Measured[]>> {
  const rounds = new Map(Object.keys(runs).map((name) => [name, [] as Measured[]]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, run] of Object.entries(runs)) rounds.get(name)!.push(await run());
  return rounds;
}

function printMeasured(title: string, rounds: ReadonlyMap<string, readonly Measured[]>): void {
  const [first] = [...rounds.values()];
  const rows = [...rounds].map(([name, each]) => {
    const cpu = (of: keyof Cpu) => Math.round(median(each.map((measured) => measured.cpu[of])));
    return {
      '': name,
      'events/s': Math.round(median(each.map(({ perSecond }) => perSecond))),
      'Node, µs': cpu('node'),
      'Postgres, µs': cpu('postgres'),
      'Redis, µs': cpu('redis'),
      'CPU, first = 1': median(
        each.map((measured, round) => total(measured.cpu) / total(first![round]!.cpu)),
      ),
      'rounds, events/s': each.map(({ perSecond }) => Math.round(perSecond / 1_000)).join(', ') + 'k',
    };
  });
  printTable(`${title} (median of ${ROUNDS} rounds in turn)`, rows);
}
