/** docs/integrate.md: its snippets, pasted as they stand, against the real service. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Clock } from '../../../src/platform/clock.js';
import { anApp, type TestApp } from '../../support/app.js';
import { recorded } from '../../support/litellm-logs.js';
import { aPythonVenv } from '../../support/python-venv.js';
import { until } from '../../support/until.js';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../../..');
const PAGE = join(ROOT, 'docs/integrate.md');
const text = readFileSync(PAGE, 'utf8');

/** The blocks of one language that are marked to be run, in the order of the page. */
const snippets = (language: string): string[] =>
  [...text.matchAll(/^```(\w+) run\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!);

/** What `bullmq` for Python needs, as pip resolved it. */
const BULLMQ = [
  'bullmq==3.4.4',
  'croniter==2.0.7',
  'msgpack==1.2.3',
  'python-dateutil==4.0.0',
  'pytz==2026.6',
  'redis==8.1.0',
  'semver==3.1.0',
  'tzdata==2026.6',
];

let app: TestApp;
let directory: string;
let env: Record<string, string>;
beforeAll(async () => {
  app = await anApp({ role: 'all', clock: new Clock() });
  directory = await mkdtemp(join(tmpdir(), 'tally-integrate-'));
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
  await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '10' } });
  await app.call('PUT /v1/admin/entities/entity2', { body: { plan: 'free' } });
  const key = await app.key('gateway');
  env = { PATH: process.env['PATH'] ?? '', TALLY_URL: app.url, TALLY_API_KEY: key, REDIS_URL: app.redis.url };
});
afterAll(async () => {
  await app.close();
  await rm(directory, { recursive: true, force: true });
});

const paste = async (name: string, code: string, command: string) => {
  await writeFile(join(directory, name), code);
  return run(command, [name], { cwd: directory, env });
};

const COUNTED = { project: 'project1', model: 'cw_meta-llama_Llama-3.3-70B-Instruct' };

/** Pastes, and returns the event that it reported once that is counted and nothing is held. */
async function reports(source: string, work: () => Promise<unknown>): Promise<object> {
  await work();
  const counted = async () =>
    ((await app.call('GET /v1/entities/entity1/events')).body.data ?? []).filter(
      (event: { source: string }) => event.source === source,
    );
  await until(`the event of ${source} is counted`, async () => (await counted()).length === 1);
  await until('nothing is held', async () => {
    return (await app.call('GET /v1/entities/entity1/balance')).body.held_usd === '0';
  });
  return (await counted())[0];
}

describe('a snippet of the page', () => {
  it('for a shell asks and reports', async () => {
    const [shell] = snippets('sh');
    expect(
      await reports('/gateways/curl', () => paste('plain.sh', `set -eu\n${shell}`, 'bash')),
    ).toMatchObject(COUNTED);
  });

  it('for a shell hands a denial on as it is, and reports nothing', async () => {
    const [shell] = snippets('sh');
    const denied = shell!.replaceAll('entity1', 'entity2').replaceAll('/gateways/curl', '/gateways/denied');
    const { stdout } = await paste('denied.sh', denied, 'bash');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'insufficient_quota' } });
    expect((await app.call('GET /v1/admin/dead_letters')).body.data).toEqual([]);
  });

  it('for Node asks and reports with the client, and with BullMQ', async () => {
    const [client, queue] = snippets('js');
    expect(
      await reports('/gateways/node', () => paste('client.mjs', client!, process.execPath)),
    ).toMatchObject(COUNTED);
    expect(
      await reports('/gateways/queue', () => paste('report-usage.mjs', queue!, process.execPath)),
    ).toMatchObject(COUNTED);
  });

  it('for Python puts an event on the queue', async () => {
    const venv = await aPythonVenv({ name: 'bullmq', requirements: BULLMQ, python: '3.10' });
    if (typeof venv === 'string') throw new Error(venv);
    const [queue] = snippets('python');
    expect(
      await reports('/gateways/python', () => paste('report_usage.py', queue!, venv.program('python'))),
    ).toMatchObject(COUNTED);
  });

  it("for LiteLLM's configuration names a URL and a header with which its logger reports", async () => {
    const { callback_settings: settings } = parse(snippets('yaml')[0]!) as {
      callback_settings: { tally: { endpoint: string; headers: { Authorization: string } } };
    };
    const { endpoint, headers } = settings.tally;
    const { pathname, search } = new URL(endpoint);
    const seconds = Date.now() / 1_000;
    const log = { ...recorded('chat'), startTime: seconds - 1, endTime: seconds };
    const answer = await app.call(`POST ${pathname}${search}`, {
      body: [log],
      key: null,
      headers: {
        authorization: headers.Authorization.replace(
          'os.environ/TALLY_AUTHORIZATION',
          `Bearer ${env['TALLY_API_KEY']!}`,
        ),
      },
    });
    expect([answer.status, answer.body.accepted]).toEqual([202, 1]);
  });

  it('is one of those that are run here', () => {
    const marked = [...text.matchAll(/^```(\w+) run$/gm)].map(([, language]) => language);
    expect(marked).toEqual(['sh', 'js', 'js', 'python', 'yaml']);
  });

  it('has only links to headings and files that exist', () => {
    const headings = [...text.matchAll(/^##+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    const missing = links.filter((link) => {
      if (link.startsWith('#')) return !headings.includes(link.slice(1));
      return !link.startsWith('http') && !existsSync(join(dirname(PAGE), link.split('#')[0]!));
    });
    expect(links.length).toBeGreaterThan(7);
    expect(missing).toEqual([]);
  });
});
