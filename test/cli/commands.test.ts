/** The grammar: what is documented is there, every example is one, and a mistake names the option and what was expected. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { candidatesFor } from '../../packages/cli/src/completing.js';
import { Group } from '../../packages/cli/src/grammar.js';
import { makeProgram } from '../../packages/cli/src/program.js';
import { runTally } from '../support/cli.js';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');

let program: Command;
beforeAll(async () => {
  program = await makeProgram();
});

/** Commands that do something, by their whole name. */
function commandsOf(command: Command, name: string): [name: string, command: Command][] {
  const below = command.commands.flatMap((each) => commandsOf(each, `${name} ${each.name()}`));
  const doesSomething = command.parent !== null && !(command instanceof Group);
  return doesSomething ? [[name, command], ...below] : below;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** Splits as a shell would, without what stands behind a pipe or a redirection. */
function wordsOf(line: string): string[] {
  const [call = ''] = line.split(/ (?:\||\|\||[<>])\s*/);
  const withoutRemark = call.split(/ {2,}(?=\S)/)[0] ?? '';
  return [...withoutRemark.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Throws what a person would see. */
async function parse(words: readonly string[]): Promise<void> {
  const fresh = await makeProgram();
  let said = '';
  const quiet = (command: Command): void => {
    command.configureOutput({ writeErr: (text) => (said += text), writeOut: (text) => (said += text) });
    command.exitOverride();
    if (command.parent !== null && !(command instanceof Group)) command.action(() => undefined);
    command.commands.forEach(quiet);
  };
  quiet(fresh);
  await fresh.parseAsync([...words], { from: 'user' }).catch(() => {
    throw new Error(said);
  });
}

describe('the commands', () => {
  it('are those that docs/cli.md lists, in the same order', () => {
    const listed = [...DOCUMENT.matchAll(/^\| `(tally [a-z -]+)` \|/gm)].map(([, name]) => name);
    expect(commandsOf(program, 'tally').map(([name]) => name)).toEqual(listed);
  });

  it('each have a summary and examples in their help, and every example is a command that is taken', async () => {
    for (const [name, command] of commandsOf(program, 'tally')) {
      const help = helpOf(command);
      expect([name, command.summary().length > 10]).toEqual([name, true]);
      const examples = [...help.matchAll(/^ {2}\$ tally (.*)$/gm)].map(([, call]) => call ?? '');
      expect([name, examples.length > 0]).toEqual([name, true]);
      for (const example of examples) await expect(parse(wordsOf(example))).resolves.toBeUndefined();
    }
  });

  it('every line for cron in docs/cli.md is a command that is taken', async () => {
    const [, table = ''] = /^```crontab\n([\s\S]*?)^```$/m.exec(DOCUMENT) ?? [];
    const calls = [...table.matchAll(/ tally (.*?) > /g)].map(([, call]) => call ?? '');
    expect(calls.length).toBe(2);
    for (const call of calls) await expect(parse(wordsOf(call))).resolves.toBeUndefined();
  });

  it('have no example that is taken by chance: a wrong one is refused', async () => {
    await expect(parse(['credits', 'buy', 'acme', '5'])).rejects.toThrow(
      "required option '--reference <text>'",
    );
    await expect(parse(['entities', '--sort', 'x'])).rejects.toThrow('Allowed choices are');
  });
});

describe('a mistake', () => {
  it.each([
    ['creditz list acme', /unknown command 'creditz'\n\(Did you mean credits\?\)/],
    ['credits byu acme 5', /unknown command 'byu'\n\(Did you mean buy\?\)/],
    ['entities --stat overage', /unknown option '--stat'\n\(Did you mean --state\?\)/],
    [
      'entities --state broke',
      /option '--state <state>' argument 'broke' is invalid. Allowed choices are cap_reached/,
    ],
    [
      'credits buy acme 1,000 --reference x',
      /argument value '1,000' is invalid for argument 'amount'. It must be an amount of US dollars such as 5000 or 0.25, without commas/,
    ],
    [
      'prices publish x --set serch_usd=0.01',
      /'--set <field=usd>' argument 'serch_usd=0.01' is invalid. It must begin with one of .*\bsearch_usd\b.* and =/,
    ],
    [
      'prices publish x --set search_usd=5,000',
      /argument 'search_usd=5,000' is invalid. It gives search_usd an amount, which must be .*without commas/,
    ],
    ['credits buy a/b 5 --reference x', /It must have 1 to 128 letters, digits/],
    [
      'limits acme --monthly-cap lots',
      /'--monthly-cap <usd>' argument 'lots' is invalid. It must be an amount.*or none, or inherit/s,
    ],
    [
      'ledger acme --since yesterday',
      /'--since <time>' argument 'yesterday' is invalid. It must be how long ago/,
    ],
    ['statement acme november', /It must be a month such as 2026-11/],
    ['keys create x', /required option '--role <role>' not specified/],
    ['entities --limit 0', /It must be a number from 1 to 10000/],
    ['events show x', /required option '--entity <entity>' not specified/],
    ['entities extra', /too many arguments/],
    ['entity craete acme', /too many arguments.*Subcommands: show, create, plan, delete, erase/s],
  ])('in %s ends with 2, says what was expected, and where help is', async (command, said) => {
    const { code, stdout, stderr } = await runTally(command.split(' '));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(said);
    expect(stderr).toMatch(/tally .*--help/);
  });

  it('help of a command and of a group goes to standard output with 0, a group alone to standard error with 2', async () => {
    const [help, group] = await Promise.all([runTally(['credits', 'buy', '--help']), runTally(['credits'])]);
    expect([help.code, help.stdout, help.stderr]).toEqual([0, expect.stringContaining('Examples:'), '']);
    expect([group.code, group.stdout, group.stderr]).toEqual([2, '', expect.stringContaining('buy')]);
  });
});

describe('completion', () => {
  const names = async (kind: string, beginning: string) => [`${kind}:${beginning}`];
  const values = async (...words: string[]) => {
    const found = await candidatesFor(program, words, async (kind) =>
      (await names(kind, words.at(-1)!)).map(() => words.at(-1)! + kind),
    );
    return found.map(({ value }) => value);
  };

  it('knows commands, options, their values, and where a name or a file belongs', async () => {
    expect(await values('cred')).toEqual(['credits']);
    expect(await values('credits', '')).toEqual(['list', 'buy', 'grant', 'void', 'freeze', 'unfreeze']);
    expect(await values('credits', 'buy', 'ac')).toEqual(['acentity']);
    expect(await values('credits', 'buy', 'acme', '5', '--re')).toEqual(['--reference']);
    expect(await values('entities', '--state', 'o')).toEqual(['out_of_credits', 'overage']);
    expect(await values('keys', 'list', '--entity', 'a')).toEqual(['aentity']);
    expect(await values('prices', 'import', '')).toEqual([':files']);
    expect(await values('prices', 'publish', 'x', '--file', '')).toEqual([':files']);
    expect(await values('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('in bash completes what stands before the cursor', async () => {
    const { stdout: script } = await runTally(['completion', 'bash']);
    const { completedInBash } = await import('../support/bash.js');
    expect(await completedInBash(script, ['tally', 'dead-letters', 're'])).toEqual(['replay']);
    expect(await completedInBash(script, ['tally', 'limits', 'acme', '--overage', ''])).toEqual([
      'blocked',
      'allowed',
      'inherit',
    ]);
  });
});
