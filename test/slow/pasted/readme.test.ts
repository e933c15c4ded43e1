/**
 * README.md as a newcomer meets it: every block of it pasted into a shell in a fresh copy of the repository, word for word and in order, and
 * what it prints compared with what the page shows. Only the ports are free ones.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { blocksOf, isPrinted, Shell } from '../../support/pasted.js';
import { testServers } from '../../support/test-servers.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const page = await readFile(join(ROOT, 'README.md'), 'utf8');
const blocks = blocksOf(page);

let clone: string;
let serving: Shell;
let shell: Shell;
let ports: { api: number; gateway: number };

/** What git would bring: the files of the working tree that it knows or would take. */
async function copyTo(directory: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of listed.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await cp(join(ROOT, file), join(directory, file), { recursive: true }).catch(
      (error: { code: string }) => {
        // Deleted in the working tree.
        if (error.code !== 'ENOENT') throw error;
      },
    );
  }
}

const addressed = (text: string): string =>
  text
    .replaceAll('127.0.0.1:3000', `127.0.0.1:${ports.api}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.gateway}`);

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'tally-readme-'));
  await copyTo(clone);
  ports = { api: await freePort(), gateway: await freePort() };
  const { command } = testServers().redis;
  await mkdir(join(clone, '.data'));
  // The Redis of this run, where that was downloaded, so that the demo does not download it again.
  if (isAbsolute(command))
    await symlink(join(dirname(command), '../../..'), join(clone, '.data/redis-binary'));
  const env = { ...process.env, PORT: String(ports.api), GATEWAY_PORT: String(ports.gateway) };
  serving = new Shell({ cwd: clone, env });
  shell = new Shell({ cwd: clone, env: process.env });
});
afterAll(async () => {
  await shell?.close();
  await serving?.close();
  await rm(clone, { recursive: true, force: true });
});

describe('README.md', () => {
  it('begins with what starts everything, on a machine that has only Node', async () => {
    const [first] = blocks;
    expect(first?.kind).toBe('sh serves');
    const printed = await serving.start(first!.code, /Ctrl-C ends it|books are not|Error/);
    expect(printed).toContain('exactly what the trace says');
    expect(printed).toContain('no difference');
    expect(printed).toContain(addressed('http://127.0.0.1:3000/dashboard'));
  }, 1_200_000);

  it.each(blocks.slice(1).map((block) => [block.line, block] as const))(
    'the block at line %d prints what the page shows',
    async (_, { kind, code, printed }) => {
      expect(kind).toBe('sh');
      const answer = await shell.paste(addressed(code));
      const shown = addressed(printed ?? '');
      const isRight = answer.status === 0 && isPrinted(shown, answer.printed);
      expect(isRight ? shown : answer.printed).toBe(shown);
    },
    60_000,
  );

  it('has an output for each block but the first', () => {
    expect(blocks.length).toBeGreaterThan(12);
    expect(blocks.slice(1).filter(({ printed }) => printed === null)).toEqual([]);
  });
});
