/** The types that openapi-typescript makes of the document, and openapi-fetch with them, against the service. */
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runProgram } from '../../support/program.js';
import { clientEnvironment, expectAllSeen } from './clients.js';
import { npmPackages } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

/** As strict as a caller's project may be. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    outDir: 'out',
  },
  include: ['client'],
};

let tally: DocumentedService;
beforeAll(async () => {
  tally = await aDocumentedService();
});
afterAll(() => tally?.close());

describe('a client in TypeScript', () => {
  it('compiles and reads every kind of answer', async () => {
    const packages = join(await npmPackages(), 'node_modules');
    const cwd = join(tally.directory, 'typescript');
    await mkdir(join(cwd, 'client'), { recursive: true });
    await symlink(packages, join(cwd, 'node_modules'));
    await writeFile(join(cwd, 'package.json'), '{"type":"module"}');
    await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    await copyFile(join(import.meta.dirname, 'typescript/client.ts'), join(cwd, 'client/client.ts'));
    const program = (name: string) => join(packages, '.bin', name);
    // Without the flag it asks callers for what has a default.
    const args = [tally.documentFile, '--default-non-nullable=false', '-o', 'client/tally.ts'];
    await runProgram(program('openapi-typescript'), args, { cwd });
    await runProgram(program('tsc'), ['-p', '.'], { cwd });
    const env = await clientEnvironment(tally);
    const printed = await runProgram(process.execPath, ['out/client.js'], { cwd, env });
    await expectAllSeen(tally, { language: 'typescript', printed });
  });
});
