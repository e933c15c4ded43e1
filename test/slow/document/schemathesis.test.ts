/** Schemathesis: requests that it makes of the document, and answers that it holds against the document. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pythonPackages, tryProgram } from './programs.js';
import { aDocumentedService, type DocumentedService } from './service.js';

const HERE = join(import.meta.dirname, 'python');
const SEED = '1';
/** A busy machine takes three times as long as a quiet one. */
const RUN_MS_MAX = 900_000;
const SHOWN_CHARACTERS_MAX = 20_000;

/** Of one operation and phase: with an admin's key, what two minutes take. */
const EXAMPLES_COUNT = { admin: '4', gateway: '1', none: '1' };

let tally: DocumentedService;
beforeAll(async () => {
  tally = await aDocumentedService();
  // Nothing of what it makes up is sent anywhere: webhooks and mail are the worker's.
  await tally.restartAs('api');
});
afterAll(() => tally?.close());

/** Ends without a finding; its report otherwise. */
async function expectNoFinding(
  { secret, examplesCount }: { secret: string | null; examplesCount: string },
  flags: readonly string[] = [],
): Promise<void> {
  const venv = await pythonPackages('schemathesis');
  const { body } = await tally.call('GET /v1/admin/keys?limit=100');
  const kept = body.data.map(({ id }: { id: string }) => id).join(',');
  const args = ['--config-file', join(HERE, 'schemathesis.toml'), 'run', tally.documentFile];
  const settings = ['--url', tally.url, '--phases', 'examples,coverage,fuzzing', '--seed', SEED];
  const bounds = ['-n', examplesCount, '--no-shrink', '--generation-database', 'none', '--no-color'];
  const key = secret === null ? [] : ['--header', `Authorization: Bearer ${secret}`];
  const env = { TALLY_KEYS_KEPT: kept, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: HERE };
  const command = venv.program('schemathesis');
  const all = [...args, ...settings, ...bounds, ...key, '--warnings', 'off', '--continue-on-failure'];
  const options = { env, cwd: tally.directory, timeoutMs: RUN_MS_MAX };
  const { code, stdout, stderr } = await tryProgram(command, [...all, ...flags], options);
  const printed = `${stdout}\n${stderr}`;
  const findings =
    code === 0
      ? ''
      : printed.slice(Math.max(printed.indexOf('= FAILURES ='), 0)).slice(0, SHOWN_CHARACTERS_MAX);
  expect([code, findings]).toEqual([0, '']);
}

describe('requests made of the document', () => {
  it(
    'are answered as it says, with an admin’s key, and the books agree',
    async () => {
      const { secret } = await tally.key('admin');
      await expectNoFinding({ secret, examplesCount: EXAMPLES_COUNT.admin });
      // The key still opens everything: otherwise all of it was answered 401.
      const { status, body } = await tally.call('GET /v1/admin/reconciliation', { key: secret });
      expect([status, body.checks.filter(({ ok }: { ok: boolean }) => !ok)]).toEqual([200, []]);
    },
    RUN_MS_MAX,
  );

  it.each(['gateway', 'none'] as const)(
    'break nothing with the key of: %s',
    async (role) => {
      const secret = role === 'none' ? null : (await tally.key(role)).secret;
      const checks =
        'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
      await expectNoFinding({ secret, examplesCount: EXAMPLES_COUNT[role] }, ['--checks', checks]);
    },
    RUN_MS_MAX,
  );

  it('leave no error in the log', () => {
    const errors = tally
      .log()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line));
    expect(errors).toEqual([]);
  });
});
