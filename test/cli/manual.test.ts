/**
 * docs/cli.md as an admin meets it: each of its blocks pasted into a shell, word for word and in order, against a service whose gateways have
 * reported some usage; and what it prints compared with the page. Only the service's address is another one.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aCliWorld, type CliWorld } from '../support/cli-world.js';
import { TALLY } from '../support/cli.js';
import { blocksOf, isPrinted, Shell } from '../support/pasted.js';

const page = await readFile(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');
const blocks = blocksOf(page);

let world: CliWorld;
let home: string;
let shell: Shell;
beforeAll(async () => {
  world = await aCliWorld();
  home = await mkdtemp(join(tmpdir(), 'tally-manual-'));
  await mkdir(join(home, 'bin'));
  await symlink(TALLY, join(home, 'bin/tally'));
  await mkdir(join(home, '.config/tally'), { recursive: true });
  await writeFile(join(home, '.config/tally/key'), `${world.app.adminKey}\n`);
  const PATH = `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`;
  shell = new Shell({ cwd: home, env: { PATH, HOME: home } });
});
afterAll(async () => {
  await shell?.close();
  await world?.close();
  await rm(home, { recursive: true, force: true });
});

const addressed = (text: string): string => text.replaceAll('https://tally.example.com', world.app.url);

describe('docs/cli.md', () => {
  it.each(blocks.map((block) => [block.line, block] as const))(
    'the block at line %d prints what the page shows',
    async (_, { code, printed }) => {
      const answer = await shell.paste(addressed(code));
      const shown = addressed(printed ?? '');
      const isRight = answer.status === 0 && isPrinted(shown, answer.printed);
      expect(isRight ? shown : answer.printed).toBe(shown);
    },
  );

  it('shows what each block prints', () => {
    expect(blocks.length).toBeGreaterThan(15);
    expect(blocks.filter(({ printed }) => printed === null)).toEqual([]);
  });
});
