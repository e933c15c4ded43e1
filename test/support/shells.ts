/** zsh and fish for a test: the machine's own, or Debian's packages unpacked; and completion as a person has it in them. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTerminal, runTally, TALLY } from './cli.js';
import { unpackedPackages } from './debian-packages.js';
import { runProgram, tryProgram } from './program.js';

type Shell = {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly setUp: string;
};

async function isOnPath(command: string): Promise<boolean> {
  return (await tryProgram(command, ['--version'])).code === 0;
}

/** Its modules and functions lie elsewhere than it was built for. */
async function findZsh(): Promise<Shell> {
  if (await isOnPath('zsh')) return { command: 'zsh', env: {}, setUp: '' };
  const { root, libraries } = await unpackedPackages(['zsh', 'zsh-common']);
  const modules = (await directoriesIn(libraries, 'zsh')).at(0) ?? '';
  const functions = join(root, 'usr/share/zsh/functions');
  const below = await readdir(functions, { recursive: true, withFileTypes: true });
  const paths = below
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return {
    command: join(root, 'bin/zsh'),
    env: { LD_LIBRARY_PATH: libraries.join(':') },
    setUp: `module_path=(${modules})\nfpath=(${[functions, ...paths].join(' ')})\n`,
  };
}

/** `usr/lib/x86_64-linux-gnu/zsh/5.9` of `usr/lib/x86_64-linux-gnu`. */
async function directoriesIn(libraries: readonly string[], name: string): Promise<string[]> {
  const found = await Promise.all(
    libraries.map(async (library) => {
      const versions = await readdir(join(library, name)).catch(() => []);
      return versions.map((version) => join(library, name, version));
    }),
  );
  return found.flat();
}

/** It looks for `../share/fish` and `../etc/fish` from where it stands. */
async function findFish(): Promise<Shell> {
  if (await isOnPath('fish')) return { command: 'fish', env: {}, setUp: '' };
  const { root, libraries } = await unpackedPackages(['fish', 'fish-common']);
  await symlink('../etc', join(root, 'usr/etc')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return {
    command: join(root, 'usr/bin/fish'),
    env: { LD_LIBRARY_PATH: libraries.join(':') },
    setUp: '',
  };
}

/** A home with `tally` on its path and the shell's completion script, as the help of `tally completion` says. */
async function withHome<T>(
  shell: 'zsh' | 'fish',
  use: (home: string, script: string, env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), `tally-${shell}-`));
  try {
    const bin = join(home, 'bin');
    await mkdir(bin);
    await symlink(TALLY, join(bin, 'tally'));
    const { stdout: script } = await runTally(['completion', shell]);
    const env = { HOME: home, PATH: `${bin}:${process.env['PATH'] ?? ''}`, DATA_DIR: '/nonexistent' };
    return await use(home, script, env);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const TAB = '\t';
const TO_BEGINNING = '\u0001';
const TO_END = '\u0005';

/** Each line as it stands after Tab, and the screen. It is a shell at a terminal, since zsh completes nowhere else. */
export async function completedInZsh(
  lines: readonly string[],
): Promise<{ completed: string[]; screen: string }> {
  const zsh = await findZsh();
  return withHome('zsh', async (home, script, env) => {
    await writeFile(join(home, '.zshrc'), `PS1='ready> '\n${zsh.setUp}${script}`);
    const typed = lines.map((line) => `${line}${TAB}${TO_BEGINNING}print -r -- "<${TO_END}>"\n`);
    const answers = [...typed, 'exit\n'].map(
      (text, number) => [number === 0 ? 'ready> ' : '>\r\n', text] as const,
    );
    const { screen } = await inTerminal([zsh.command, '-d', '-i'], { answers, env: { ...env, ...zsh.env } });
    return { completed: [...screen.matchAll(/^<(.*)>$/gm)].map(([, line]) => line!), screen };
  });
}

/** What fish offers for the last word of the line. */
export async function completedInFish(line: string): Promise<string[]> {
  const fish = await findFish();
  return withHome('fish', async (home, script, env) => {
    await writeFile(join(home, 'tally.fish'), script);
    const asked = `source ${join(home, 'tally.fish')}; complete -C $argv[1]`;
    const printed = await runProgram(fish.command, ['--no-config', '-c', asked, line], {
      env: { ...env, ...fish.env },
    });
    return printed
      .split('\n')
      .filter((each) => each !== '')
      .map((each) => each.split('\t')[0]!);
  });
}
