/** What `npm start`, the gateway and the demo do first, in a small project with a build and a Prisma that only write their outputs. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const SCRIPT = path.resolve(import.meta.dirname, '../fresh-build.js');
const OUTPUTS = [
  'packages/client/dist/index.js',
  'packages/gateway/dist/main.js',
  'packages/cli/dist/main.js',
  'packages/console/dist/index.html',
  'dist/main.js',
];
const BUILD = `
const fs = require('node:fs');
for (const file of ${JSON.stringify(OUTPUTS)}) {
  fs.mkdirSync(require('node:path').dirname(file), { recursive: true });
  fs.writeFileSync(file, '');
}
fs.appendFileSync('builds', 'x');
`;
const GENERATE = `#!/usr/bin/env node
const fs = require('node:fs');
fs.mkdirSync('src/platform/prisma', { recursive: true });
fs.writeFileSync('src/platform/prisma/client.ts', '');
fs.appendFileSync('generations', process.argv[2]);
`;

let project: string;

beforeEach(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'tally-build-'));
  await copyFile(SCRIPT, path.join(project, 'fresh-build.js'));
  await write(
    'package.json',
    JSON.stringify({ type: 'module', scripts: { build: 'prisma generate && node build.cjs' } }),
  );
  await write('build.cjs', BUILD);
  await write('src/main.ts', '');
  await write('node_modules/.bin/nest', '');
  await write('node_modules/.bin/prisma', GENERATE);
  for (const name of ['nest', 'prisma']) await chmod(path.join(project, 'node_modules/.bin', name), 0o755);
});
afterEach(() => rm(project, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  const file = path.join(project, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
const begin = () => run(process.execPath, ['fresh-build.js'], { cwd: project });
const buildCount = async () => (await readFile(path.join(project, 'builds'), 'utf8').catch(() => '')).length;
const generations = () => readFile(path.join(project, 'generations'), 'utf8').catch(() => '');
const touch = (name: string, ms: number) =>
  utimes(path.join(project, name), new Date(), new Date(Date.now() + ms));
/** As if it had been saved after the build. */
const save = (name: string) => touch(name, 60_000);

describe('a start', () => {
  it('builds where nothing is built, and only once', async () => {
    await begin();
    await begin();
    expect(await buildCount()).toBe(1);
  });

  it('does not build again for what a build writes among the sources, after parts that it has built before', async () => {
    await begin();
    for (const name of ['src/platform/prisma/client.ts', 'packages/cli/src/generated/api.ts']) {
      await write(name, '');
      await save(name);
    }
    await begin();
    expect(await buildCount()).toBe(1);
  });

  it('builds again where a source is newer than the build, or a part of the build is missing', async () => {
    await begin();
    await rm(path.join(project, 'packages/gateway/dist'), { recursive: true });
    await begin();
    expect(await buildCount()).toBe(2);
    await save('src/main.ts');
    await begin();
    expect(await buildCount()).toBe(3);
  });

  it('generates Prisma’s client again where the schema is newer and builds, each once', async () => {
    await write('prisma/schema.prisma', '');
    await begin();
    await begin();
    expect([await generations(), await buildCount()]).toEqual(['generate', 1]);
    // An hour ago: the client, the build and what it was made of.
    for (const name of ['src/main.ts', 'src/platform/prisma/client.ts', ...OUTPUTS])
      await touch(name, -3_600_000);
    await touch('prisma/schema.prisma', -60_000);
    await begin();
    await begin();
    expect([await generations(), await buildCount()]).toEqual(['generategenerate', 2]);
  });

  it('only generates the client where that is missing beside a fresh build', async () => {
    await write('prisma/schema.prisma', '');
    await begin();
    await rm(path.join(project, 'src/platform/prisma/client.ts'));
    // The build is newer than all that it was made of.
    for (const name of OUTPUTS) await touch(name, 60_000);
    await begin();
    expect([await generations(), await buildCount()]).toEqual(['generategenerate', 1]);
  });

  it('fails where the client cannot be generated', async () => {
    await write('prisma/schema.prisma', '');
    await write('node_modules/.bin/prisma', '#!/bin/sh\nexit 3\n');
    await expect(begin()).rejects.toMatchObject({ code: 3 });
    expect(await buildCount()).toBe(0);
  });

  it('fails where the build fails', async () => {
    await write('build.cjs', 'process.exit(2)');
    await expect(begin()).rejects.toMatchObject({ code: 2 });
  });

  it('runs what was built elsewhere where the build tools are not installed, whatever its age', async () => {
    await begin();
    await rm(path.join(project, 'node_modules'), { recursive: true });
    await save('src/main.ts');
    await begin();
    expect(await buildCount()).toBe(1);
  });

  it('says what to run where nothing is built and the build tools are not installed', async () => {
    await rm(path.join(project, 'node_modules'), { recursive: true });
    await expect(begin()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('npm ci && npm run build'),
    });
  });
});
