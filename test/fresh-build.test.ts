/** What `npm start`, the gateway and the demo do first, in a project of four files with a build that only writes its outputs. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const SCRIPT = path.resolve(import.meta.dirname, '../fresh-build.js');
const OUTPUTS = ['packages/client/dist/index.js', 'packages/gateway/dist/main.js', 'dist/main.js'];
const BUILD = `
const fs = require('node:fs');
for (const file of ${JSON.stringify(OUTPUTS)}) {
  fs.mkdirSync(require('node:path').dirname(file), { recursive: true });
  fs.writeFileSync(file, '');
}
fs.appendFileSync('builds', 'x');
`;

let project: string;

beforeEach(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'tally-build-'));
  await copyFile(SCRIPT, path.join(project, 'fresh-build.js'));
  await write('package.json', JSON.stringify({ type: 'module', scripts: { build: 'node build.cjs' } }));
  await write('build.cjs', BUILD);
  await write('src/main.ts', '');
  await write('node_modules/.bin/nest', '');
  await chmod(path.join(project, 'node_modules/.bin/nest'), 0o755);
});
afterEach(() => rm(project, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  const file = path.join(project, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
const begin = () => run(process.execPath, ['fresh-build.js'], { cwd: project });
const buildCount = async () => (await readFile(path.join(project, 'builds'), 'utf8').catch(() => '')).length;
/** As if it had been saved after the build. */
const touch = (name: string) => utimes(path.join(project, name), new Date(), new Date(Date.now() + 60_000));

describe('a start', () => {
  it('builds where nothing is built, and only once', async () => {
    await begin();
    await begin();
    expect(await buildCount()).toBe(1);
  });

  it('builds again where a source is newer than the build, or a part of the build is missing', async () => {
    await begin();
    await rm(path.join(project, 'packages/gateway/dist'), { recursive: true });
    await begin();
    expect(await buildCount()).toBe(2);
    await touch('src/main.ts');
    await begin();
    expect(await buildCount()).toBe(3);
  });

  it('fails where the build fails', async () => {
    await write('build.cjs', 'process.exit(2)');
    await expect(begin()).rejects.toMatchObject({ code: 2 });
  });

  it('runs what was built elsewhere where the build tools are not installed, whatever its age', async () => {
    await begin();
    await rm(path.join(project, 'node_modules'), { recursive: true });
    await touch('src/main.ts');
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
