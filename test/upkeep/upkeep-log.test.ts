import type { ModuleRef } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { Logger } from '../../src/platform/logger.js';
import { Metrics } from '../../src/platform/metrics.js';
import { Unavailable } from '../../src/platform/unavailable.js';
import type { Schedule } from '../../src/upkeep/schedules.js';
import { UpkeepLane } from '../../src/upkeep/upkeep-lane.js';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { TestClock } from '../support/test-clock.js';

class KeptLog extends Logger {
  readonly kept: [string, object | undefined][] = [];
  constructor() {
    super('silent');
  }
  override info(event: string, fields?: object): void {
    this.kept.push([event, fields]);
  }
  override error(event: string, _error: unknown, fields?: object): void {
    this.kept.push([event, fields]);
  }
}

class Lane extends UpkeepLane {}

let server: TestRedis;
let redis: Redis;
let queue: Queue;
beforeAll(async () => {
  server = await aRedis();
  redis = connectRedis(server.url, 'patient');
  await untilReady(redis);
  queue = new Queue('upkeep-test', { connection: redis });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

describe('a schedule that fails at each of its runs', () => {
  it('is logged once in ten minutes, when it fails in another way, and when it runs again', async () => {
    const [log, clock] = [new KeptLog(), new TestClock()];
    let failure: Error | null = null;
    const run = async () => {
      if (failure !== null) throw failure;
      return 0;
    };
    const schedule: Schedule = { pattern: '*/30 * * * * *', run };
    const lane = new Lane(queue, { adding: schedule }, {} as ModuleRef, log, clock, new Metrics());
    const job = { name: 'adding' } as Job;
    const runs = async (count: number) => {
      for (let index = 0; index < count; index += 1) {
        await lane.process(job).catch((error: Error) => lane.missed(job, error));
        clock.advance(30_000);
      }
      return log.kept.splice(0);
    };
    const said = (failed_runs: number) => ['upkeep failed', { job: 'adding', failed_runs }];
    expect(await runs(2)).toEqual([]);
    failure = new Unavailable('redis', new Error('refused'));
    expect(await runs(20)).toEqual([said(1)]);
    expect(await runs(20)).toEqual([said(21)]);
    failure = new Error('another reason');
    expect(await runs(3)).toEqual([said(41)]);
    failure = null;
    expect(await runs(3)).toEqual([['upkeep runs again', { job: 'adding', failed_runs: 43 }]]);
  });
});
