/** compose.yaml, read by the library that `docker compose` reads it with. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram, tryProgram } from '../../support/program.js';
import { ROOT } from './command-lines.js';

const BUILD_MS_MAX = 900_000;
const FILE = join(ROOT, 'compose.yaml');
/** What stands in the file itself, such as for ports, and not in the environment of a process. */
const OF_THE_FILE = { TALLY_VERSION: '1.2.3', TALLY_PORT: '3999', GATEWAY_PORT: '8999' };

type Service = {
  image: string;
  restart?: string;
  build?: object;
  environment?: Record<string, string>;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
  ports?: { host_ip: string; published: string; target: number }[];
};
type Reading = {
  project: { services: Record<string, Service> };
  variables: Record<string, { Required: boolean }>;
};

let directory: string;
let program: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-compose-'));
  program = join(directory, 'read-compose');
  const options = { cwd: join(import.meta.dirname, 'go'), timeoutMs: BUILD_MS_MAX };
  await runProgram('go', ['build', '-o', program, '.'], options);
}, BUILD_MS_MAX);
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What Compose makes of the file where nothing is set but this, and what it warns of. */
async function readWith(environment: Record<string, string>, file = FILE) {
  // No .env of this machine, and no variable of this process.
  const empty = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  const env = { ...empty, ...environment } as Record<string, string>;
  const { code, stdout, stderr } = await tryProgram(program, [file], { cwd: directory, env });
  return { code, warnings: stderr, reading: (code === 0 ? JSON.parse(stdout) : null) as Reading };
}

/** With one change. */
async function readChanged(from: string | RegExp, to: string) {
  const text = readFileSync(FILE, 'utf8');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  const file = join(directory, 'changed.yaml');
  await writeFile(file, changed);
  return readWith({}, file);
}

describe('compose.yaml', () => {
  it('needs no variable: without any it is read without a warning', async () => {
    const { code, warnings, reading } = await readWith({});
    expect([code, warnings]).toEqual([0, '']);
    const names = ['api', 'gateway', 'migrate', 'postgres', 'redis', 'secrets', 'worker'];
    expect(Object.keys(reading.project.services).toSorted()).toEqual(names);
    expect(Object.values(reading.variables).filter(({ Required: isRequired }) => isRequired)).toEqual([]);
  });

  it('passes each variable that it names on to the processes that read it', async () => {
    const { reading } = await readWith({});
    const own = Object.keys(reading.variables).filter((name) => !(name in OF_THE_FILE));
    expect(own.length).toBeGreaterThan(25);
    const set = Object.fromEntries(own.map((name) => [name, `the value of ${name}`]));
    const { warnings, reading: given } = await readWith({ ...set, ...OF_THE_FILE });
    expect(warnings).toBe('');
    const { api, worker, gateway } = given.project.services as Record<'api' | 'worker' | 'gateway', Service>;
    const reached = (name: string) =>
      [api, worker, gateway].filter(({ environment }) => environment?.[name] === set[name]).length;
    expect(own.filter((name) => reached(name) === 0)).toEqual([]);
    // An API and a worker differ in their role, and in that an API is where the command line is called.
    const apart: Record<string, unknown> = { ...api.environment, ROLE: 'worker' };
    const { TALLY_URL, TALLY_API_KEY_FILE, ...asAWorker } = apart;
    expect(worker.environment).toEqual(asAWorker);
    expect([TALLY_URL, TALLY_API_KEY_FILE]).toEqual(['http://127.0.0.1:3000', '/secrets/admin-key']);
    expect([api.image, gateway.image]).toEqual(['tally:1.2.3', 'tally:1.2.3']);
    const doors = [api, gateway].flatMap(({ ports = [] }) => ports);
    expect(doors.map(({ host_ip, published, target }) => [host_ip, published, target])).toEqual([
      ['127.0.0.1', '3999', 3000],
      ['127.0.0.1', '8999', 8080],
    ]);
  });

  it('waits only for what can come: a health check that is there, or a process that ends and is not started again', async () => {
    const { services } = (await readWith({})).reading.project;
    const imageChecks = /^HEALTHCHECK /m.test(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
    const isChecked = ({ build, healthcheck }: Service) =>
      healthcheck === undefined ? build !== undefined && imageChecks : healthcheck.disable !== true;
    const waits = Object.values(services).flatMap(({ depends_on: on = {} }) => Object.entries(on));
    expect(waits.length).toBeGreaterThan(5);
    for (const [name, { condition }] of waits) {
      const service = services[name]!;
      const canCome = condition === 'service_healthy' ? isChecked(service) : service.restart === 'no';
      expect([name, condition, canCome]).toEqual([name, condition, true]);
    }
    // The tables are there before a process that needs them.
    for (const name of ['api', 'worker'])
      expect(services[name]?.depends_on).toMatchObject({
        migrate: { condition: 'service_completed_successfully' },
        redis: { condition: 'service_healthy' },
      });
  });

  it.each([
    {
      what: 'a dependency on nothing',
      from: 'migrate: { condition',
      to: 'migration: { condition',
      says: 'undefined service',
    },
    { what: 'an unknown word', from: 'read_only: true', to: 'readonly: true', says: 'readonly' },
    { what: 'a volume that is not declared', from: /\n {2}outbox:\n/, to: '\n', says: 'outbox' },
    {
      what: 'a circle of dependencies',
      from: 'depends_on: { secrets: { condition: service_completed_successfully } }',
      to: 'depends_on: { api: { condition: service_healthy } }',
      says: 'cycle',
    },
  ])('with $what would be refused', async ({ from, to, says }) => {
    const { code, warnings } = await readChanged(from, to);
    expect(code).not.toBe(0);
    expect(warnings).toContain(says);
  });

  it('with a variable that has no default would be warned of', async () => {
    const { code, warnings } = await readChanged('${LOG_LEVEL:-info}', '${LOG_LEVEL}');
    expect([code, warnings]).toEqual([0, expect.stringContaining('LOG_LEVEL')]);
  });
});
