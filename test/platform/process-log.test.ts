import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** What a process logs that runs this after `logWhatIsPrinted`. */
async function linesOf(script: string): Promise<{ level: number; [field: string]: unknown }[]> {
  const source = `
    import { Logger } from './src/platform/logger.ts';
    import { logWhatIsPrinted } from './src/platform/process-log.ts';
    const logger = new Logger('debug', { process: 'tally', role: 'worker', instance: 'host/1' });
    logWhatIsPrinted(logger);
    ${script}`;
  const args = ['--import', './test/support/typescript.js', '--input-type=module', '--eval', source];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: ROOT });
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number });
}

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 };

describe('the log', () => {
  it('names process, role and instance in each line', async () => {
    const [line] = await linesOf(`logger.info('hello', { more: 1 });`);
    expect(line).toMatchObject({
      process: 'tally',
      role: 'worker',
      instance: 'host/1',
      msg: 'hello',
      more: 1,
    });
  });

  it('has what libraries print, one line each, at its level', async () => {
    const lines = await linesOf(`
      console.debug('a'); console.log('b %d', 1); console.info('c'); console.warn('d\\nof two lines'); console.error(new Error('e'));`);
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [LEVELS.debug, 'printed'],
      [LEVELS.info, 'printed'],
      [LEVELS.info, 'printed'],
      [LEVELS.warn, 'printed'],
      [LEVELS.error, 'printed'],
    ]);
    expect(lines.map(({ text }) => String(text).split('\n')[0])).toEqual(['a', 'b 1', 'c', 'd', 'Error: e']);
  });

  it('has warnings of Node and of libraries through Node, with their code', async () => {
    const [line] = await linesOf(`process.emitWarning('old', { type: 'DeprecationWarning', code: 'DEP1' });`);
    expect(line).toMatchObject({
      level: LEVELS.warn,
      msg: 'warning',
      code: 'DEP1',
      text: 'DeprecationWarning: old',
    });
  });
});
