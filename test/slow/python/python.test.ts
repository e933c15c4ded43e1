/** packages/python, in a virtual environment with the real LiteLLM: its own tests against the service, its checks, and its wheel. */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN_KEY } from '../../support/app.js';
import { aDatabase, type TestDatabase } from '../../support/database.js';
import { runProgram } from '../../support/program.js';
import { aPythonVenv, type PythonVenv } from '../../support/python-venv.js';
import { aRedis, type TestRedis } from '../../support/redis.js';
import { startService, type ServiceProcess } from '../../support/service-process.js';

/** LiteLLM's proxy brings a hundred packages. */
const INSTALL_MS_MAX = 900_000;
const PYTEST_MS_MAX = 900_000;
const PACKAGE = resolve(import.meta.dirname, '../../../packages/python');

let python: PythonVenv;
let postgres: TestDatabase;
let redis: TestRedis;
let service: ServiceProcess;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-python-'));
  const text = await readFile(join(import.meta.dirname, 'requirements.txt'), 'utf8');
  const requirements = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const venv = await aPythonVenv({ name: 'client', requirements, python: '3.11' });
  if (typeof venv === 'string') throw new Error(`packages/python cannot be tested: ${venv}`);
  python = venv;
  // The tools leave caches beside what they read.
  await cp(PACKAGE, join(directory, 'package'), { recursive: true });
  [postgres, redis] = await Promise.all([aDatabase(), aRedis()]);
  service = await startService({ role: 'all', databaseUrl: postgres.url, redisUrl: redis.url });
}, INSTALL_MS_MAX);
afterAll(async () => {
  await service?.kill();
  await Promise.all([postgres?.drop(), redis?.stop()]);
  await rm(directory, { recursive: true, force: true });
});

function run(program: string, ...args: string[]): Promise<string> {
  return runProgram(python.program(program), args, { cwd: join(directory, 'package') });
}

describe('the Python package', () => {
  it('is formatted, has no finding of the linter and passes the strictest type check', async () => {
    expect(await run('ruff', 'format', '--check', '.')).toMatch(/^\d+ files already formatted\n$/);
    expect(await run('ruff', 'check', '.')).toBe('All checks passed!\n');
    expect(await run('python', '-m', 'mypy')).toMatch(/^Success: no issues found in \d+ source files\n$/);
  });

  it('is built to a wheel that a new environment installs and imports, types included', async () => {
    await run('python', '-m', 'build', '--no-isolation', '--outdir', join(directory, 'dist'));
    const files = await readdir(join(directory, 'dist'));
    expect(files.toSorted()).toEqual(['tally_client-0.1.0-py3-none-any.whl', 'tally_client-0.1.0.tar.gz']);
    const fresh = join(directory, 'fresh');
    await run('python', '-m', 'venv', fresh);
    const freshPython = join(fresh, 'bin', 'python');
    const wheel = join(
      directory,
      'dist',
      files.find((file) => file.endsWith('.whl'))!,
    );
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    await runProgram(freshPython, [...pip, wheel]);
    const imports =
      'import importlib.resources as r, tally_client as t; ' +
      'print(t.__version__, t.Tally.__name__, t.AsyncTally.__name__, r.files(t).joinpath("py.typed").is_file())';
    expect(await runProgram(freshPython, ['-c', imports])).toBe('0.1.0 Tally AsyncTally True\n');
  });

  it(
    'passes its own tests, against the service and in the real proxy of LiteLLM',
    async () => {
      const env = {
        TALLY_URL: service.url,
        TALLY_ADMIN_KEY: ADMIN_KEY,
        TALLY_REDIS_URL: redis.url,
      };
      const pytest = ['-m', 'pytest', '-p', 'no:cacheprovider', '--durations=10'];
      const options = { cwd: join(directory, 'package'), env, timeoutMs: PYTEST_MS_MAX };
      const printed = await runProgram(python.program('python'), pytest, options);
      expect(printed).toMatch(/\n=+ \d+ passed in /);
    },
    PYTEST_MS_MAX,
  );
});
