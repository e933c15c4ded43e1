/** The client that oapi-codegen makes of the document, against the service. */
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { runProgram } from '../../support/program.js';
import { clientEnvironment, expectAllSeen } from './clients.js';
import { GO_FILES, goTool } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

let tally: DocumentedService;
beforeAll(async () => {
  tally = await aDocumentedService();
});
afterAll(() => tally?.close());

describe('a client in Go', () => {
  it('compiles, passes vet, and reads every kind of answer', async () => {
    const generate = await goTool('github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen');
    const cwd = join(tally.directory, 'go');
    await cp(GO_FILES, cwd, { recursive: true });
    await mkdir(join(cwd, 'tally'));
    const config = ['-config', 'oapi-codegen.yaml', '-o', 'tally/tally.gen.go'];
    await runProgram(generate, [...config, tally.documentFile], { cwd });
    await runProgram('go', ['vet', './...'], { cwd });
    await runProgram('go', ['build', '-o', 'client.bin', './client'], { cwd });
    const env = await clientEnvironment(tally);
    const printed = await runProgram(join(cwd, 'client.bin'), [], { cwd, env });
    await expectAllSeen(tally, { language: 'go', printed });
  });
});
