/** `tally COMMAND`: reads the command line, runs the command, and ends with 0, 1 (refused) or 2 (wrong use). */
import { CommanderError } from 'commander';
import { EXIT_REFUSED, EXIT_WRONG_USE, NoAnswer, NotConfirmed, Refusal, WrongUse } from './failures.js';
import { makeProgram } from './program.js';
import { safe } from './shown/terminal.js';

/** A pipe that its reader closes, as `head` does, ends the command in silence. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });

const [first, ...words] = process.argv.slice(2);
try {
  if (first === '__complete') await (await import('./completing.js')).complete(words);
  else await (await makeProgram(process.argv.slice(2))).parseAsync(process.argv);
} catch (error) {
  process.exitCode = codeOf(error);
  tell(error);
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    const isHelp = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return isHelp ? 0 : EXIT_WRONG_USE;
  }
  return error instanceof WrongUse ? EXIT_WRONG_USE : EXIT_REFUSED;
}

function tell(error: unknown): void {
  // Commander has printed its own.
  if (error instanceof CommanderError) return;
  const isJson = process.argv.includes('--json');
  if (error instanceof Refusal && isJson && typeof error.body === 'object' && error.body !== null) {
    process.stderr.write(`${JSON.stringify(error.body)}\n`);
    return;
  }
  const isExpected = [Refusal, NoAnswer, NotConfirmed, WrongUse].some((kind) => error instanceof kind);
  const text =
    error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  const lines = text.split('\n').map((line) => safe(line));
  process.stderr.write(`${error instanceof NotConfirmed ? '' : 'error: '}${lines.join('\n')}\n`);
}
