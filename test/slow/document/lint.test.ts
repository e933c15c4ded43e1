/** The document in the eyes of Redocly's linter, whose rules are those that clients' generators and readers rely on. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tryProgram } from '../../support/program.js';
import { npmPackages } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

let tally: DocumentedService;
beforeAll(async () => {
  tally = await aDocumentedService();
});
afterAll(() => tally?.close());

describe('the document', () => {
  it('has no finding of Redocly’s recommended rules, not even a warning', async () => {
    const redocly = join(await npmPackages(), 'node_modules', '.bin', 'redocly');
    const args = ['lint', '--extends', 'recommended', '--format', 'json', tally.documentFile];
    // It would otherwise ask for a newer version of itself, and report what it is used for.
    const env = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    const { code, stdout, stderr } = await tryProgram(redocly, args, { env });
    const found = JSON.parse(stdout.slice(stdout.indexOf('{')) || 'null');
    expect([code, found?.problems, stderr.includes('validated')]).toEqual([0, [], true]);
  });
});
