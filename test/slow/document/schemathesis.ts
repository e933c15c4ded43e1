/** Runs Schemathesis on a document, and reads what it writes of each request. */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tryProgram } from '../../support/program.js';
import { pythonPackages } from './programs.js';
import type { DocumentedService } from './service.js';

const HERE = join(import.meta.dirname, 'python');
const SEED = '1';
const RUN_MS_MAX = 1_200_000;
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

export type Finding = { readonly operation: string; readonly check: string; readonly says: string };
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
  const env = { TALLY_KEYS_KEPT: kept, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: HERE };
  const options = { env, cwd: tally.directory, timeoutMs: RUN_MS_MAX };
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

type Check = { readonly name: string; readonly status: string; readonly failure_info?: unknown };
type Recorder = {
  readonly label: string;
  /** Both by the id of a request; missing where none was sent. */
  readonly checks?: Readonly<Record<string, readonly Check[]>>;
  readonly interactions?: Readonly<
    Record<string, { readonly response: { readonly status_code: number } | null }>
  >;
};

/** A line for each event; what was sent and answered stands in those of the scenarios that are finished. */
async function readReport(file: string): Promise<Pick<Run, 'findings' | 'statuses' | 'requests'>> {
  const findings: Finding[] = [];
  const statuses = new Map<string, Set<number>>();
  let requests = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const recorder = JSON.parse(line).ScenarioFinished?.recorder as Recorder | undefined;
    if (recorder === undefined) continue;
    const { label: operation, checks = {}, interactions = {} } = recorder;
    for (const { response } of Object.values(interactions)) {
      requests += 1;
      if (response === null) continue;
      statuses.set(operation, (statuses.get(operation) ?? new Set()).add(response.status_code));
    }
    for (const { name: check, status, failure_info } of Object.values(checks).flat())
      if (status !== 'success') findings.push({ operation, check, says: JSON.stringify(failure_info) });
  }
  return { findings, statuses, requests };
}
