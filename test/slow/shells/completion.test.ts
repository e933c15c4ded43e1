/** `tally completion` in the shells that it is for, each as it comes from the distribution. */
import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { completedInBash } from '../../support/bash.js';
import { runTally } from '../../support/cli.js';
import { completedInFish, completedInZsh } from '../../support/shells.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('completion in zsh', () => {
  it('completes a command, the value of an option, and a file where one belongs', async () => {
    const { completed } = await completedInZsh([
      'tally dead-letters rep',
      'tally limits acme --overage bl',
      `tally prices import ${ROOT}/package-l`,
      'tally void x --dry',
    ]);
    expect(completed.map((line) => line.trimEnd())).toEqual([
      'tally dead-letters replay',
      'tally limits acme --overage blocked',
      `tally prices import ${ROOT}/package-lock.json`,
      'tally void x --dry-run',
    ]);
  });

  it('lists what can follow, with what each does', async () => {
    const { screen } = await completedInZsh(['tally dead-letters re', 'tally credits ']);
    expect(screen).toMatch(/freeze +-- Keep what is left of a grant from being spent/);
  });
});

describe('completion in fish', () => {
  it.each([
    ['tally dead-letters re', ['replay']],
    ['tally limits acme --overage ', ['allowed', 'blocked', 'inherit']],
    [`tally prices import ${ROOT}/package-l`, [`${ROOT}/package-lock.json`]],
    ['tally void x --dry', ['--dry-run']],
  ])('completes %s', async (line, offered) => {
    expect(await completedInFish(line)).toEqual(offered);
  });
});

describe('completion in bash', () => {
  it('completes a command, and leaves files to the shell where one belongs', async () => {
    const { stdout: script } = await runTally(['completion', 'bash']);
    expect(await completedInBash(script, ['tally', 'dead-letters', 'rep'])).toEqual(['replay']);
    expect(await completedInBash(script, ['tally', 'prices', 'import', ''])).toEqual(['']);
  });
});
