/** Runs Schemathesis on a document, and reads what it writes of each request. */
import { createReadStream } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tryProgram } from '../../support/program.js';
import { pythonPackages } from './programs.js';
import type { DocumentedService } from './service.js';

const HERE = join(import.meta.dirname, 'python');
const SEED = '1';
const RUN_MS_MAX = 1_200_000;
/** What it printed, and what was sent and answered, in the message of a test that fails. */
const SHOWN_CHARACTERS_MAX = 20_000;

export type Asked = {
  /** Another document than the service's own. */
  readonly documentFile?: string;
  /** Null: no key is sent at all. */
  readonly secret: string | null;
  readonly phases: string;
  /** `POST /v1/quota/reservations`: only these. */
  readonly operations?: readonly string[];
  readonly flags?: readonly string[];
};

/** The first of its operation and check. */
export type Finding = {
  readonly operation: string;
  readonly check: string;
  readonly message: string;
  readonly sent: string;
  readonly answered: string;
};
export type Run = {
  /** 0: no finding; 1: some; another: it could not work. */
  readonly code: number | string;
  readonly printed: string;
  readonly findings: readonly Finding[];
  /** The statuses of each operation that was called. */
  readonly statuses: ReadonlyMap<string, ReadonlySet<number>>;
  readonly requests: number;
};

export async function runSchemathesis(tally: DocumentedService, asked: Asked): Promise<Run> {
  const venv = await pythonPackages('schemathesis');
  const report = join(tally.directory, 'report.ndjson');
  await rm(report, { force: true });
  const { body } = await tally.call('GET /v1/admin/keys?limit=100');
  const kept = body.data.map(({ id }: { id: string }) => id).join(',');
  const cwd = tally.directory;
  // Python leaves what it has compiled beside the file.
  await copyFile(join(HERE, 'hooks.py'), join(cwd, 'hooks.py'));
  const env = { TALLY_KEYS_KEPT: kept, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: cwd };
  const options = { env, cwd, timeoutMs: RUN_MS_MAX };
  const args = [...argumentsOf(tally, asked), '--report', 'ndjson', '--report-ndjson-path', report];
  const { code, stdout, stderr } = await tryProgram(venv.program('schemathesis'), args, options);
  const printed = `${stdout}\n${stderr}`.slice(-SHOWN_CHARACTERS_MAX);
  return { code, printed, ...(await readReport(report)) };
}

function argumentsOf(tally: DocumentedService, { documentFile, secret, ...asked }: Asked): string[] {
  const file = documentFile ?? tally.documentFile;
  const settings = ['--url', tally.url, '--phases', asked.phases, '--seed', SEED, '--max-examples', '1'];
  // Several workers would share what one has read from answers: no run would be like the one before.
  const repeatable = ['--workers', '1', '--generation-database', 'none', '--no-shrink'];
  const whole = ['--continue-on-failure', '--warnings', 'off', '--no-color'];
  // Without a key it would make some up.
  const key =
    secret === null
      ? ['--generation-with-security-parameters', 'false']
      : ['--header', `Authorization: Bearer ${secret}`];
  const only = (asked.operations ?? []).flatMap((name) => ['--include-name', name]);
  const config = ['--config-file', join(HERE, 'schemathesis.toml')];
  const flags = asked.flags ?? [];
  return [...config, 'run', file, ...settings, ...repeatable, ...whole, ...key, ...only, ...flags];
}

/** Bytes as the report has them. */
type Content = { readonly $base64: string } | null;
type Check = {
  readonly name: string;
  readonly status: string;
  readonly failure_info?: { readonly failure: { readonly message: string } };
};
type Interaction = {
  readonly request: { readonly method: string; readonly uri: string; readonly body: Content };
  readonly response: { readonly status_code: number; readonly content: Content } | null;
};
type Recorder = {
  readonly label: string;
  /** Both by the id of a request; missing where none was sent. */
  readonly checks?: Readonly<Record<string, readonly Check[]>>;
  readonly interactions?: Readonly<Record<string, Interaction>>;
};

/** A line for each event; what was sent and answered stands in those of the scenarios that are finished. */
async function readReport(file: string): Promise<Pick<Run, 'findings' | 'statuses' | 'requests'>> {
  const findings = new Map<string, Finding>();
  const statuses = new Map<string, Set<number>>();
  let requests = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const recorder = JSON.parse(line).ScenarioFinished?.recorder as Recorder | undefined;
    if (recorder === undefined) continue;
    const { label: operation, interactions = {} } = recorder;
    for (const { response } of Object.values(interactions)) {
      requests += 1;
      if (response === null) continue;
      statuses.set(operation, (statuses.get(operation) ?? new Set()).add(response.status_code));
    }
    for (const finding of findingsOf(recorder)) {
      const kind = `${finding.check} of ${operation}`;
      if (!findings.has(kind)) findings.set(kind, finding);
    }
  }
  return { findings: [...findings.values()], statuses, requests };
}

function findingsOf({ label: operation, checks = {}, interactions = {} }: Recorder): Finding[] {
  return Object.entries(checks).flatMap(([id, all]) => {
    const failed = all.filter(({ status }) => status !== 'success');
    if (failed.length === 0) return [];
    const { request, response = null } = interactions[id] ?? {};
    const sent = `${request?.method} ${request?.uri} ${textOf(request?.body)}`;
    const answered = response === null ? 'nothing' : `${response.status_code} ${textOf(response.content)}`;
    return failed.map(({ name: check, failure_info: info }) => ({
      operation,
      check,
      message: info?.failure.message ?? '',
      sent,
      answered,
    }));
  });
}

function textOf(content: Content | undefined): string {
  return Buffer.from(content?.$base64 ?? '', 'base64')
    .toString('utf8')
    .slice(0, SHOWN_CHARACTERS_MAX);
}
