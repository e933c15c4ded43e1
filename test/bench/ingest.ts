/** Events per second from a full queue to committed rows, beside a worker that does nothing with the same jobs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';
import { until } from '../support/until.js';
import { printTable } from './table.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODELS = ['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1', 'cw_meta-llama_Llama-3.3-70B-Instruct'];
/** Of noop-worker.ts: as many jobs at once as Tally's worker fetches for single-event jobs. */
const NOOP_CONCURRENCY = 2_000;
const RUNS: readonly Run[] = [
  { label: 'one event a job', events: 60_000, eventsPerJob: 1, meters: 3 },
  { label: '100 events a job', events: 300_000, eventsPerJob: 100, meters: 3 },
  { label: '100 events a job, of eight meters', events: 300_000, eventsPerJob: 100, meters: 8 },
];

type Run = {
  readonly label: string;
  readonly events: number;
  readonly eventsPerJob: number;
  /** How many meters an event has. */
  readonly meters: 3 | 8;
};
const ROUNDS = 3;

type Servers = { redisUrl: string; databaseUrl: string };

type Row = {
  readonly jobs: string;
  readonly 'Tally, events/s': number;
  readonly 'no-op worker, events/s': number;
  readonly ratio: number;
  readonly 'time of an event, three meters = 1': number;
};

export async function benchIngest(): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'tally-bench-'));
  const embedded = await startEmbeddedServers({ dataDir, postgres: true, redis: true, log: () => {} });
  const servers = { redisUrl: embedded.redisUrl!, databaseUrl: embedded.databaseUrl! };
  const rows: Row[] = [];
  try {
    await withWorker(tallyWorker(servers), async () => untilReady(servers));
    for (const run of RUNS) {
      const ratios: { noop: number; tally: number }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const noop = await drain(servers, run, () => noopWorker(servers));
        const tally = await drain(servers, run, () => tallyWorker(servers));
        ratios.push({ noop, tally });
      }
      const median = ratios.sort((a, b) => a.tally / a.noop - b.tally / b.noop)[Math.floor(ROUNDS / 2)]!;
      rows.push({
        jobs: run.label,
        'Tally, events/s': Math.round(median.tally),
        'no-op worker, events/s': Math.round(median.noop),
        ratio: median.tally / median.noop,
        'time of an event, three meters = 1': timeToThreeMeters(run, median.tally, rows),
      });
    }
  } finally {
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
  printTable(`Ingest, end to end (median of ${ROUNDS} rounds, servers and workers on this machine)`, rows);
}

/** Fills the queue, starts the worker, and measures from its first finished jobs to the last. Returns events per second. */
async function drain({ redisUrl }: Servers, run: Run, startWorker: () => ChildProcess): Promise<number> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue(USAGE_QUEUE, { connection });
  await fill(queue, run);
  const open = () => queue.getJobCountByTypes('wait', 'active', 'delayed');
  const jobs = await open();
  let rate = 0;
  await withWorker(startWorker(), async () => {
    let startMs = 0;
    let startCount = 0;
    for (let count = jobs; count > 0; count = await open()) {
      if (startMs === 0 && count < jobs * 0.95) [startMs, startCount] = [performance.now(), count];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    rate = (startCount * run.eventsPerJob) / ((performance.now() - startMs) / 1000);
  });
  await queue.close();
  connection.disconnect();
  return rate;
}

async function fill(queue: Queue, run: Run): Promise<void> {
  const stamp = `${process.pid}-${performance.now()}`;
  const time = new Date().toISOString();
  for (let made = 0; made < run.events;) {
    const jobs = [];
    for (; jobs.length < 500 && made < run.events; made += run.eventsPerJob) {
      const events = Array.from({ length: run.eventsPerJob }, (_, index) =>
        eventBody(`${stamp}-${made + index}`, time, run.meters),
      );
      jobs.push({
        name: USAGE_JOB,
        data: run.eventsPerJob === 1 ? events[0] : events,
        opts: { removeOnComplete: true },
      });
    }
    await queue.addBulk(jobs);
  }
}

function eventBody(id: string, time: string, meters: Run['meters']): object {
  const index = Number(id.slice(id.lastIndexOf('-') + 1));
  return {
    specversion: '1.0',
    id,
    source: '/bench',
    type: 'ai.inference.usage.v1',
    subject: `entity${index % 20}/project${index % 3}`,
    time,
    data: {
      model: MODELS[index % MODELS.length],
      operation: 'chat',
      usage: meters === 3 ? usageOfThree(index) : usageOfEight(index),
    },
  };
}

function usageOfThree(index: number): object {
  return {
    prompt_tokens: 800 + (index % 100),
    completion_tokens: 200,
    prompt_tokens_details: { cached_tokens: 512 },
  };
}

function usageOfEight(index: number): object {
  return {
    prompt_tokens: 800 + (index % 100),
    completion_tokens: 200,
    prompt_tokens_details: {
      cached_tokens: 300,
      cache_write_tokens: 100,
      audio_tokens: 100,
      image_tokens: 50,
    },
    completion_tokens_details: { reasoning_tokens: 50, audio_tokens: 20 },
  };
}

/** Against events of three meters in jobs of the same size. */
function timeToThreeMeters({ meters, eventsPerJob }: Run, rate: number, rows: readonly Row[]): number {
  const same = RUNS.findIndex((run) => run.meters === 3 && run.eventsPerJob === eventsPerJob);
  return meters === 3 ? 1 : rows[same]!['Tally, events/s'] / rate;
}

function noopWorker({ redisUrl }: Servers): ChildProcess {
  const loader = path.join(ROOT, 'test/support/typescript.js');
  const file = path.join(ROOT, 'test/bench/noop-worker.ts');
  return spawn(process.execPath, ['--import', loader, file, redisUrl, String(NOOP_CONCURRENCY)], {
    stdio: 'inherit',
  });
}

function tallyWorker({ redisUrl, databaseUrl }: Servers): ChildProcess {
  return spawn(process.execPath, [path.join(ROOT, 'dist/main.js')], {
    env: {
      ...process.env,
      ROLE: 'worker',
      PORT: '0',
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
      ADMIN_API_KEY: 'bench-admin-key',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function withWorker(worker: ChildProcess, work: () => Promise<void>): Promise<void> {
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  try {
    await work();
  } finally {
    worker.kill('SIGTERM');
    await ended;
  }
}

/** The first start migrates and seeds; later ones find everything there. */
async function untilReady({ databaseUrl }: Servers): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  const hasPrices = () =>
    pool.query('select from prices limit 1').then(
      (result) => result.rowCount === 1,
      () => false,
    );
  await until('the price book is there', hasPrices);
  await pool.end();
}
