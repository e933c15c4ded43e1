import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { TallyError } from '../../src/domain/errors.js';
import { JobKinds, type JobKind, type JobRun } from '../../src/jobs/job-kinds.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { Jobs, type EndedJob, type JobOrder } from '../../src/jobs/jobs.js';
import { Database } from '../../src/platform/database.js';
import { Logger } from '../../src/platform/logger.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

type Input = { readonly n: number };
type Run = JobRun<Input> & { end(result: string): void; fail(error: unknown): void };

const clock = new TestClock();
const logger = new Logger('silent');
let postgres: TestDatabase;
let database: Database;
let jobs: Jobs;
beforeAll(async () => {
  postgres = await aDatabase();
  database = new Database({ url: postgres.serviceUrl });
  jobs = new Jobs(database, clock);
});
afterAll(async () => {
  await database.close();
  await postgres.drop();
});

/** What runs now; a test says how each run ends. */
let runs: Run[] = [];
let runners: JobRunner[] = [];
beforeEach(async () => {
  runs = [];
  await postgres.pool.query('delete from jobs; delete from job_parts');
});
afterEach(async () => {
  for (const runner of runners) runner.onModuleDestroy();
  for (const runner of runners) await runner.onApplicationShutdown();
  runners = [];
});

const aKind = (name: string, { mayRunAgain = true } = {}): JobKind<Input> => ({
  name,
  mayRunAgain,
  input: z.object({ n: z.number() }),
  run: (run) =>
    new Promise((resolve, reject) => {
      runs.push({ ...run, end: resolve, fail: reject });
      run.signal.addEventListener('abort', () => reject(run.signal.reason as Error));
    }),
});
/** A process that runs jobs. */
const aWorker = (): JobRunner => {
  const kinds = new JobKinds();
  for (const kind of [aKind('slow'), aKind('other'), aKind('once', { mayRunAgain: false })]) kinds.add(kind);
  const runner = new JobRunner(database, clock, kinds, new Jobs(database, clock), logger);
  runner.start();
  runners.push(runner);
  return runner;
};
const stop = async (runner: JobRunner): Promise<void> => {
  runner.onModuleDestroy();
  await runner.onApplicationShutdown();
};
const start = (override: Partial<JobOrder> = {}) =>
  jobs.startNow({
    kind: 'slow',
    input: { n: 1 },
    actor: 'key_1',
    audit: null,
    joins: 'running',
    ...override,
  });
const isRunning = (count: number) => until(`${count} have begun`, async () => runs.length === count);
const ended = async (id: string): Promise<EndedJob> => {
  await until('the job has ended', async () => ['done', 'failed'].includes((await jobs.get(id)).status));
  return jobs.get(id);
};
/** As if the process that runs it had died a minute ago. */
const silence = (id: string) =>
  postgres.pool.query(
    `update jobs set seen_at = now() - interval '1 minute', runner = gen_random_uuid() where id = $1`,
    [id],
  );

describe('a job', () => {
  it('is queued, runs in a worker, and keeps its result and none of its input', async () => {
    const { id } = await start({ parts: ['a', 'b'] });
    expect(await jobs.get(id)).toMatchObject({ status: 'queued', progress: 0, attempts: 0, startedAt: null });
    aWorker();
    await isRunning(1);
    const parts: string[] = [];
    for await (const part of runs[0]!.parts()) parts.push(part);
    expect([runs[0]!.input, runs[0]!.actor, parts]).toEqual([{ n: 1 }, 'key_1', ['a', 'b']]);
    runs[0]!.end('{"sum":3}');
    expect(await ended(id)).toMatchObject({
      status: 'done',
      progress: 1,
      attempts: 1,
      result: '{"sum":3}',
      error: null,
    });
    const { rows } = await postgres.pool.query(
      'select (select count(*)::int from job_parts) as parts, input from jobs',
    );
    expect(rows).toEqual([{ parts: 0, input: null }]);
  });

  it('that is asked for again while it has not ended is the same job; with other input it is another one, which waits', async () => {
    aWorker();
    const first = await start();
    await isRunning(1);
    expect((await start()).id).toBe(first.id);
    const other = await start({ input: { n: 2 } });
    expect((await start({ input: { n: 2 } })).id).toBe(other.id);
    expect(other).toMatchObject({ status: 'queued' });
    runs[0]!.end('{}');
    await isRunning(2);
    expect(runs[1]!.input).toEqual({ n: 2 });
    runs[1]!.end('{}');
    await ended(other.id);
  });

  it('that has to see what happened meanwhile joins only one that has not begun', async () => {
    aWorker();
    const first = await start({ joins: 'queued' });
    await isRunning(1);
    const second = await start({ joins: 'queued' });
    expect([second.id === first.id, (await start({ joins: 'queued' })).id === second.id]).toEqual([
      false,
      true,
    ]);
    for (const place of [0, 1]) {
      await isRunning(place + 1);
      runs[place]!.end('{}');
    }
    await ended(second.id);
  });

  it('asked for at the same time by many is one job', async () => {
    const started = await Promise.all(Array.from({ length: 8 }, () => start()));
    expect(new Set(started.map(({ id }) => id)).size).toBe(1);
  });

  it('runs beside those of another kind, and never beside one of its own, however many workers there are', async () => {
    for (let worker = 0; worker < 3; worker += 1) aWorker();
    await Promise.all(
      [1, 2, 3].flatMap((n) => ['slow', 'other'].map((kind) => start({ kind, input: { n } }))),
    );
    for (let done = 0; done < 6; done += 1) {
      await until('the next ones run', async () => runs.length >= Math.min(6, done + 1));
      const { rows } = await postgres.pool.query(
        `select kind from jobs where status = 'running' group by kind having count(*) > 1`,
      );
      expect(rows).toEqual([]);
      runs[done]!.end('{}');
    }
    await until(
      'all are done',
      async () => (await jobs.list({ kind: null, status: 'done', after: null, limit: 10 })).length === 6,
    );
  });

  it('is refused where too many of its kind wait', async () => {
    for (let n = 0; n < 20; n += 1) await start({ input: { n } });
    await expect(start({ input: { n: 20 } })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('says how far it is, in few writes, and never goes back', async () => {
    aWorker();
    const { id } = await start();
    await isRunning(1);
    for (let n = 0; n < 10_000; n += 1) runs[0]!.progress(n / 20_000);
    runs[0]!.progress(0.1);
    await until('it is known', async () => (await jobs.get(id)).progress > 0.49);
    expect((await jobs.get(id)).progress).toBeCloseTo(0.5, 3);
    runs[0]!.end('{}');
    await ended(id);
  });
});

describe('a job that fails', () => {
  it('tells a refusal as it is, and a fault of ours without its inside', async () => {
    aWorker();
    const refused = await start();
    await isRunning(1);
    runs[0]!.fail(new TallyError('conflict', 'this is so', { param: 'model' }));
    expect((await ended(refused.id)).error).toEqual({
      code: 'conflict',
      message: 'this is so',
      param: 'model',
    });
    const broken = await start({ input: { n: 2 } });
    await isRunning(2);
    runs[1]!.fail(new Error('secret inside'));
    const { status, error } = await ended(broken.id);
    expect([status, error?.code, error?.message.includes('secret')]).toEqual([
      'failed',
      'internal_error',
      false,
    ]);
  });
});

describe('a job whose process', () => {
  it('is told to stop is given back at once, and run again by another', async () => {
    const first = aWorker();
    const { id } = await start();
    await isRunning(1);
    await stop(first);
    expect(await jobs.get(id)).toMatchObject({ status: 'queued', progress: 0, attempts: 1 });
    aWorker();
    await isRunning(2);
    runs[1]!.end('{}');
    expect(await ended(id)).toMatchObject({ status: 'done', attempts: 2 });
  });

  it('is told to stop fails with the reason where its kind may not run again', async () => {
    const first = aWorker();
    const { id } = await start({ kind: 'once' });
    await isRunning(1);
    await stop(first);
    expect(await jobs.get(id)).toMatchObject({ status: 'failed', error: { message: /not begun twice/ } });
  });

  it('died is run again, and what the dead one says later counts for nothing', async () => {
    const { id } = await start();
    aWorker();
    await isRunning(1);
    await silence(id);
    aWorker();
    await isRunning(2);
    await until('the first one was told', async () => runs[0]!.signal.aborted);
    runs[0]!.end('{"from":"the dead"}');
    runs[1]!.end('{"from":"the living"}');
    expect(await ended(id)).toMatchObject({ status: 'done', attempts: 2, result: '{"from":"the living"}' });
  });

  it('died fails with the reason where its kind may not run again, or where that happened too often', async () => {
    const once = await start({ kind: 'once' });
    const often = await start();
    await postgres.pool.query(`
      update jobs set status = 'running', runner = gen_random_uuid(), seen_at = now() - interval '1 minute', attempts = 5`);
    aWorker();
    expect((await ended(once.id)).error?.message).toMatch(/not begun twice/);
    expect((await ended(often.id)).error?.message).toMatch(/5 times/);
    expect(runs).toEqual([]);
  });
});
