/** How fast a worker empties a full queue, and what processor time each process needs for an event. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { USAGE_QUEUE } from '@tally/client/protocol';
import { cpuEach, cpuOf, type Cpu } from './cpu.js';
import type { BenchServers } from './ingest-servers.js';
import { fill, type Load } from './ingest-usage.js';
import { stop } from './quota-servers.js';

/** A worker starts cold, so the first quarter of a run is left out. */
export const WARM_SHARE = 0.25;
const POLL_MS = 20;

export type Measured = {
  readonly perSecond: number;
  /** Of each event. */
  readonly cpu: Cpu;
};

export async function drain(
  servers: BenchServers,
  load: Load,
  startWorker: (servers: BenchServers) => Promise<ChildProcess>,
): Promise<Measured> {
  const queue = new Queue(USAGE_QUEUE, { connection: servers.redis });
  try {
    await fill(queue, load);
    const worker = await startWorker(servers);
    try {
      return await measure(servers, queue, { load, pid: worker.pid! });
    } finally {
      await stop(worker);
    }
  } finally {
    await queue.close();
  }
}

async function measure(
  servers: BenchServers,
  queue: Queue,
  { load, pid }: { load: Load; pid: number },
): Promise<Measured> {
  const open = () => queue.getJobCountByTypes('wait', 'prioritized', 'active', 'delayed');
  const until = async (countMax: number) => {
    let count = await open();
    for (; count > countMax; count = await open()) await delay(POLL_MS);
    return { count, ms: performance.now(), cpu: await cpuOf({ ...servers, pid }) };
  };
  const start = await until((load.events / load.eventsPerJob) * (1 - WARM_SHARE));
  const end = await until(0);
  const events = start.count * load.eventsPerJob;
  return {
    perSecond: events / ((end.ms - start.ms) / 1_000),
    cpu: cpuEach(start.cpu, end.cpu, events),
  };
}
