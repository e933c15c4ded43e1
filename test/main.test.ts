import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { aDatabase, type TestDatabase } from './support/database.js';
import { aRedis, type TestRedis } from './support/redis.js';
import { until } from './support/until.js';

const ROOT = resolve(import.meta.dirname, '..');
const ADMIN_API_KEY = 'sk-tally-main-test-Vf1gNy8cJb7xWq3e';

type Run = {
  readonly output: { text: string };
  readonly exited: Promise<number | null>;
  readonly signal: (name: 'SIGTERM') => void;
};

const children: ChildProcess[] = [];

function run(environment: Record<string, string>, args: string[] = []): Run {
  const child = spawn(process.execPath, ['dist/main.js', ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], PORT: '0', DRAIN_SECONDS: '0', ...environment },
  });
  children.push(child);
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output.text += String(chunk)));
  const exited = once(child, 'close').then(([code]) => Number(code));
  return { output, exited, signal: (name) => void child.kill(name) };
}

async function urlOf({ output }: Run): Promise<string> {
  await until('it listens', () => output.text.includes('"listening"'));
  return /"url":"(http[^"]+)"/.exec(output.text)?.[1] ?? '';
}

describe('npm start', () => {
  let database: TestDatabase;
  let redis: TestRedis;
  let dataDir: string;
  let blocker: Client;
  beforeAll(async () => {
    [database, redis] = await Promise.all([aDatabase({ template: 'template0' }), aRedis()]);
    dataDir = await mkdtemp(join(tmpdir(), 'tally-main-'));
    blocker = new Client({ connectionString: database.url });
    await blocker.connect();
  });
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));
  afterAll(async () => {
    await blocker.end();
    await Promise.all([database.drop(), redis.stop(), rm(dataDir, { recursive: true, force: true })]);
  });
  const servers = () => ({ DATABASE_URL: database.url, REDIS_URL: redis.url, DATA_DIR: dataDir });

  it('lists all that is wrong with the environment, and exits with 1', async () => {
    const { output, exited } = run({
      PORT: '99999',
      ROLE: 'boss',
      REDIS_URL: 'http://x',
      QUOTA_FAIL_MODE: 'maybe',
    });
    expect(await exited).toBe(1);
    for (const name of ['PORT', 'ROLE', 'REDIS_URL', 'QUOTA_FAIL_MODE'])
      expect(output.text).toContain(`- ${name} must be`);
  });

  it('migrates alone and ends, and then starts without migrating', async () => {
    const fresh = await aDatabase({ template: 'template0' });
    const environment = { ...servers(), DATABASE_URL: fresh.url, MIGRATE: 'off', ADMIN_API_KEY };
    const lacking = run(environment);
    expect(await lacking.exited).toBe(1);
    expect(lacking.output.text).toContain('run npm run migrate');
    const { REDIS_URL: _, ...alone } = environment;
    for (const said of ['"migrated"', 'nothing to migrate']) {
      const migrating = run(alone, ['migrate']);
      expect([await migrating.exited, migrating.output.text]).toEqual([0, expect.stringContaining(said)]);
    }
    const serving = run(environment);
    expect((await fetch(`${await urlOf(serving)}/livez`)).status).toBe(200);
    serving.signal('SIGTERM');
    expect(await serving.exited).toBe(0);
    const unknown = run(environment, ['mgirate']);
    expect([await unknown.exited, unknown.output.text]).toEqual([
      1,
      expect.stringContaining('must be `migrate`'),
    ]);
    await fresh.drop();
  });

  it('asks for an admin key where an outside database has none, and exits with 1', async () => {
    const { output, exited } = run(servers());
    expect(await exited).toBe(1);
    expect(output.text).toContain('ADMIN_API_KEY must be set');
  });

  it('says so in one line when Postgres is unavailable, and exits with 1', async () => {
    const { output, exited } = run({
      ...servers(),
      DATABASE_URL: 'postgresql://127.0.0.1:1/tally',
      ADMIN_API_KEY,
    });
    expect(await exited).toBe(1);
    expect(output.text).toContain('DATABASE_URL names a Postgres that does not serve us');
    expect(output.text).not.toContain('    at ');
  });

  it('an API that is told to end says so at /readyz, and answers what still comes, for DRAIN_SECONDS', async () => {
    const process = run({ ...servers(), ADMIN_API_KEY, ROLE: 'api', DRAIN_SECONDS: '60' });
    const url = await urlOf(process);
    process.signal('SIGTERM');
    await until('it says that it leaves', async () => (await fetch(`${url}/readyz`)).status === 503);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'draining' });
    const prices = await fetch(`${url}/v1/admin/prices`, {
      headers: { authorization: `Bearer ${ADMIN_API_KEY}` },
    });
    expect([prices.status, (await fetch(`${url}/livez`)).status]).toEqual([200, 200]);
  });

  it('migrates, seeds, serves, finishes what is in flight on SIGTERM, and exits with 0', async () => {
    const process = run({ ...servers(), ADMIN_API_KEY });
    const url = await urlOf(process);
    const headers = { authorization: `Bearer ${ADMIN_API_KEY}`, 'content-type': 'application/json' };
    expect((await fetch(`${url}/v1/admin/prices`, { headers })).status).toBe(200);
    await fetch(`${url}/v1/admin/entities/entity1`, { method: 'PUT', headers, body: '{"plan":"free"}' });
    const buy = () =>
      fetch(`${url}/v1/admin/entities/entity1/credits`, {
        method: 'POST',
        headers,
        body: '{"amount_usd":"5"}',
      });
    expect((await buy()).status).toBe(201);
    await blocker.query('begin');
    await blocker.query("select name from entities where name = 'entity1' for update");
    const inFlight = buy();
    await until('the purchase waits for the entity', () => isWaiting(blocker));
    process.signal('SIGTERM');
    await until('it refuses connections', () => isFree(Number(new URL(url).port)));
    await blocker.query('rollback');
    expect((await inFlight).status).toBe(201);
    expect(await process.exited).toBe(0);
    expect(process.output.text).not.toContain(ADMIN_API_KEY);
  });

  it('starts again on what is there, needs no key any more, and knows the grants', async () => {
    const process = run(servers());
    const url = await urlOf(process);
    const answer = await fetch(`${url}/v1/entities/entity1/balance`, {
      headers: { authorization: `Bearer ${ADMIN_API_KEY}` },
    });
    expect(await answer.json()).toMatchObject({ credits_usd: '10' });
    process.signal('SIGTERM');
    expect(await process.exited).toBe(0);
  });

  it('works with the rights of its own role, and these are fewer than the rights of the owner who migrates', async () => {
    const process = run(servers());
    const url = await urlOf(process);
    const status = async () =>
      (await fetch(`${url}/v1/admin/audit_log`, { headers: { authorization: `Bearer ${ADMIN_API_KEY}` } }))
        .status;
    expect(await status()).toBe(200);
    await blocker.query('revoke select on audit_log from tally_service');
    expect(await status()).toBe(500);
    await blocker.query('grant select on audit_log to tally_service');
    expect(await status()).toBe(200);
  });
});

async function isWaiting(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  return rows.length > 0;
}

/** True when nobody listens there. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  const free = await listening;
  server.close();
  return free;
}
