/** Completion as bash does it: a shell loads the script and asks for what follows these words. */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TALLY } from './cli.js';
import { runProgram } from './program.js';

/** The candidates for the last word. */
export async function completedInBash(script: string, words: readonly string[]): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-bash-'));
  try {
    await symlink(TALLY, join(directory, 'tally'));
    const asked = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tally; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const printed = await runProgram('bash', ['-c', `${script}\n${asked}`, 'bash', ...words], {
      env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
    });
    return printed.trim().split('\n');
  } finally {
    await rm(directory, { recursive: true });
  }
}
