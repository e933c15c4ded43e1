/** The client that openapi-python-client makes of the document, checked by mypy, against the service. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram, tryProgram } from '../../support/program.js';
import { clientEnvironment, expectAllSeen } from './clients.js';
import { pythonPackages } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

/** Imports every module that was generated: Python finds out only then that one is broken. */
const IMPORT_ALL = `
import importlib, pkgutil, tally
modules = [module.name for module in pkgutil.walk_packages(tally.__path__, "tally.")]
for name in modules: importlib.import_module(name)
print(len(modules))
`;
const MODULES_MIN = 300;

let tally: DocumentedService;
beforeAll(async () => {
  tally = await aDocumentedService();
});
afterAll(() => tally?.close());

describe('a client in Python', () => {
  it('is made whole, passes the strictest type check, and reads every kind of answer', async () => {
    const venv = await pythonPackages('openapi-python-client');
    const cwd = join(tally.directory, 'python');
    await mkdir(cwd);
    // It would format what it makes, which nobody reads.
    await writeFile(join(cwd, 'config.yaml'), 'post_hooks: []\n');
    await copyFile(join(import.meta.dirname, 'python/client.py'), join(cwd, 'client.py'));
    const args = ['generate', '--path', tally.documentFile, '--meta', 'none', '--output-path', 'tally'];
    const config = ['--config', 'config.yaml', '--fail-on-warning'];
    const made = await tryProgram(venv.program('openapi-python-client'), [...args, ...config], { cwd });
    // What it cannot express it leaves out with a warning.
    expect([made.code, `${made.stdout}${made.stderr}`]).toEqual([0, 'Generating tally\n']);
    const python = venv.program('python');
    expect(Number(await runProgram(python, ['-c', IMPORT_ALL], { cwd }))).toBeGreaterThan(MODULES_MIN);
    await runProgram(python, ['-m', 'mypy', '--strict', 'client.py', 'tally'], { cwd });
    const env = await clientEnvironment(tally);
    const printed = await runProgram(python, ['client.py'], { cwd, env });
    await expectAllSeen(tally, { language: 'python', printed });
  });
});
