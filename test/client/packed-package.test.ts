/** The published package: packed, installed in an empty project, type checked there, and run against the real service. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../../src/platform/clock.js';
import { anApp, type TestApp } from '../support/app.js';
import { LLAMA } from '../support/builders.js';
import { until } from '../support/until.js';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];

const TSCONFIG = {
  compilerOptions: { strict: true, module: 'nodenext', target: 'es2023', skipLibCheck: false, types: [] },
  include: ['*.ts'],
};

let app: TestApp;
let project: string;

beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  project = await mkdtemp(path.join(tmpdir(), 'tally-packed-'));
  await write('package.json', JSON.stringify({ type: 'module' }));
  await write('tsconfig.json', JSON.stringify(TSCONFIG));
  // Packs what is built: another build would delete files that other tests are using.
  const pack = ['pack', '--workspace', '@tally/client', '--ignore-scripts', '--pack-destination', project];
  await run('npm', [...pack, '--silent'], { cwd: ROOT });
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
  await run('npm', [...INSTALL, `./${tarball}`], { cwd: project });
});
afterAll(async () => {
  await rm(project, { recursive: true, force: true });
  await app.close();
});

const write = (name: string, text: string) => writeFile(path.join(project, name), text);
const balance = async (entity: string) => (await app.call(`GET /v1/entities/${entity}/balance`)).body;

/** Type checks and compiles one program in the project, runs it, and returns the JSON that it prints. */
async function runProgram(name: string, text: string): Promise<unknown> {
  await write(`${name}.ts`, text);
  await run(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: project }).catch(
    (error: { stdout?: string }) => {
      throw new Error(`the types do not fit: ${error.stdout}`);
    },
  );
  const { stdout } = await run(process.execPath, [`${name}.js`], { cwd: project });
  return JSON.parse(stdout);
}

const OPEN = (key: string) => `
const tally = new TallyClient({ baseUrl: '${app.url}', apiKey: '${key}' });
const model = '${LLAMA}';
const event = (id: string, project: string, reservationId: string) =>
  usageEvent({ id, source: '/packed', project, time: new Date(), model, operation: 'chat',
    usage: { prompt_tokens: 1_000, completion_tokens: 0, total_tokens: 1_000 }, reservationId });
`;

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'packages/client/package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, unknown>;
};

describe('the packed client', () => {
  it('is the only package that its installation brings, and has no file but its own', () => {
    expect(readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      '@tally',
    ]);
    const content = readdirSync(path.join(project, 'node_modules/@tally/client')).toSorted();
    expect(content).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json', 'src']);
  });

  it('is one that npm would publish without a word of warning, with a change log that names its version', async () => {
    const publish = ['publish', '--workspace', '@tally/client', '--dry-run', '--ignore-scripts', '--offline'];
    const { stdout, stderr } = await run('npm', publish, { cwd: ROOT });
    expect(stdout).toContain(`+ @tally/client@${manifest.version}`);
    // Nobody is logged in here.
    const warnings = stderr
      .split('\n')
      .filter((line) => /npm warn/i.test(line) && !line.includes('logged in'));
    expect(warnings).toEqual([]);
    const changes = readFileSync(path.join(project, 'node_modules/@tally/client/CHANGELOG.md'), 'utf8');
    expect(/^## (\S+)$/m.exec(changes)?.[1]).toBe(manifest.version);
  });

  it('exports only files that it has, with types for each', () => {
    const directory = path.join(project, 'node_modules/@tally/client');
    const { './package.json': _, ...entries } = manifest.exports;
    expect(Object.keys(entries).length).toBeGreaterThan(3);
    for (const [name, files] of Object.entries(entries)) {
      const missing = Object.values(files as Record<string, string>).filter(
        (file) => !existsSync(path.join(directory, file)),
      );
      expect([name, Object.keys(files as object).includes('types'), missing]).toEqual([name, true, []]);
    }
  });

  it('has a source for each of its source maps', () => {
    const dist = path.join(project, 'node_modules/@tally/client/dist');
    const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.map'),
    );
    const sources = maps.flatMap((name) => {
      const { sources } = JSON.parse(readFileSync(path.join(dist, name), 'utf8')) as { sources: string[] };
      return sources.map((source) => path.resolve(dist, path.dirname(name), source));
    });
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  });

  it('reserves, releases, reports over HTTP and holds a lease', async () => {
    await app.call('PUT /v1/admin/entities/alone', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/alone/credits', { body: { amount_usd: '10' } });
    const printed = await runProgram(
      'alone',
      `import { httpReporter, LeasedQuota, TallyClient, usageEvent, type Reservation } from '@tally/client';
import { formatUsd, picosFromUsd } from '@tally/client/protocol';
${OPEN(await app.key('gateway'))}
const request = { project: 'alone/project1', model, inputTokens: 1_000, maxOutputTokens: 0 };
async function reserve(): Promise<Reservation> {
  const admission = await tally.reserve(request);
  if (!admission.admitted) throw new Error(admission.denial.body);
  return admission.reservation;
}
const unused = await reserve();
await tally.release(unused.id);

const reporter = await httpReporter(tally, { directory: 'outbox' });
const used = await reserve();
await reporter.report(event('a', request.project, used.id));

const quota = new LeasedQuota({ tally });
let leased = await quota.reserve(request);
while (leased.admitted && !leased.isLocal) {
  await quota.release(leased.reservation.id);
  await new Promise((resolve) => setTimeout(resolve, 20));
  leased = await quota.reserve(request);
}
if (!leased.admitted) throw new Error(leased.denial.body);
await reporter.report(event('b', request.project, leased.reservation.id));
quota.finish(leased.reservation.id);
const { leaseCount } = quota.figures;
await quota.close();
await reporter.close();
const twice = formatUsd(2n * picosFromUsd(used.hold_usd));
console.log(JSON.stringify({ held: [unused.hold_usd, used.hold_usd], twice, leaseCount }));
`,
    );
    expect(printed).toEqual({ held: ['0.00071', '0.00071'], twice: '0.00142', leaseCount: 1 });
    await until('both events are charged, and nothing is held', async () => {
      const { held_usd, credits_usd } = await balance('alone');
      return held_usd === '0' && credits_usd === '9.99858';
    });
  });

  it('reports over the queue and hears recalls where BullMQ and ioredis are installed beside it', async () => {
    const peers = ['bullmq', 'ioredis'].map((name) => path.join(ROOT, 'node_modules', name));
    await run('npm', [...INSTALL, ...peers], { cwd: project });
    await app.call('PUT /v1/admin/entities/queued', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/queued/credits', { body: { amount_usd: '10' } });
    const printed = await runProgram(
      'queued',
      `import { LeasedQuota, TallyClient, usageEvent } from '@tally/client';
import { listenForLeaseRecalls } from '@tally/client/lease-recalls';
import { queueReporter } from '@tally/client/queue';
${OPEN(await app.key('gateway'))}
const redisUrl = '${app.redis.url}';
const admission = await tally.reserve({ project: 'queued/project1', model });
if (!admission.admitted) throw new Error(admission.denial.body);
const reporter = await queueReporter({ redisUrl });
await reporter.report(event('c', 'queued/project1', admission.reservation.id));
const quota = new LeasedQuota({ tally });
const recalls = listenForLeaseRecalls(quota, { redisUrl, onFailure: (error) => console.error(error) });
recalls.close();
await quota.close();
await reporter.close();
console.log(JSON.stringify(reporter.fillRatio()));
`,
    );
    expect(printed).toBe(0);
    await until('the event is charged, and nothing is held', async () => {
      const { held_usd, credits_usd } = await balance('queued');
      return held_usd === '0' && credits_usd === '9.99929';
    });
  });
});
