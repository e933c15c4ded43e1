/** The example configuration for HAProxy, in a real HAProxy, in front of two real APIs: it follows /readyz. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callerOf } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { aFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
import { hasHaproxy, startHaproxy, type Haproxy } from '../../support/haproxy.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { anOwnPostgres, type OwnPostgres } from '../../support/own-postgres.js';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { until } from '../../support/until.js';

const CONFIGURATION = new URL('../../../docs/proxies/haproxy.cfg', import.meta.url);

const isHere = await hasHaproxy();
if (!isHere && process.env['CI'] !== undefined) throw new Error('CI installs HAProxy, and it is not here');

let postgres: OwnPostgres;
let tally: Installation;
let apis: Machine[];
/** An API that starts again has another port; HAProxy knows these. */
let doors: FaultProxy[];
let proxy: Haproxy | null = null;
let url = '';
beforeAll(async () => {
  postgres = await anOwnPostgres();
  tally = await anInstallation({ postgres, environment: { DRAIN_SECONDS: '3' } });
  apis = [await tally.start('api'), await tally.start('api')];
  doors = await Promise.all(apis.map(({ service }) => aFaultProxy(new URL(service.url))));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const text = await readFile(CONFIGURATION, 'utf8');
  const configuration = text
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:3001', `127.0.0.1:${doors[0]!.port}`)
    .replace('127.0.0.1:3002', `127.0.0.1:${doors[1]!.port}`);
  if (isHere) proxy = await startHaproxy(configuration, `${url}/readyz`);
});
afterAll(async () => {
  await proxy?.stop();
  await Promise.all(doors.map((door) => door.close()));
  await tally.close();
});

type Decision = 'admitted' | 'denied';
const seen = { admitted: 0, denied: 0, lost: [] as string[] };

/** One customer has credits, the other has none: each answer that is neither a hold nor that denial is a decision that was lost. */
async function decide(entity: 'rich' | 'poor', expected: Decision): Promise<void> {
  const body = { project: `${entity}/p`, model: LLAMA, input_tokens: 10, max_output_tokens: 0 };
  const answer = await callerOf(url)('POST /v1/quota/reservations', { body }).catch(String);
  if (typeof answer === 'string') seen.lost.push(answer);
  else if (answer.status === 201 && expected === 'admitted') seen.admitted += 1;
  else if (answer.body?.error?.code === 'insufficient_quota' && expected === 'denied') seen.denied += 1;
  else seen.lost.push(`${entity}: ${answer.status} ${answer.text}`);
}

async function load(ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    await decide('rich', 'admitted');
    await decide('poor', 'denied');
  }
}

async function underLoad(): Promise<void> {
  const { admitted, denied } = seen;
  await until('both kinds were decided', () => seen.admitted > admitted + 20 && seen.denied > denied + 20);
}
const readiness = () =>
  Promise.all(
    apis.map(async ({ service }) => {
      const { status, body } = await service.call('GET /readyz');
      return [status, body.status];
    }),
  );

it('no decision is lost while Postgres is down, while Redis is down, and while both APIs are replaced one after the other', async () => {
  if (proxy === null) return;
  await tally.call('PUT /v1/admin/entities/rich', { body: { plan: 'free' } });
  await tally.call('POST /v1/admin/entities/rich/credits', { body: { amount_usd: '50' } });
  await tally.call('PATCH /v1/admin/entities/rich/limits', { body: { max_concurrent_requests: null } });
  await tally.call('PUT /v1/admin/entities/poor', { body: { plan: 'free' } });
  await tally.call('PATCH /v1/admin/entities/poor/limits', { body: { monthly_cap_usd: '0' } });
  const ending = new AbortController();
  const loads = [load(ending.signal), load(ending.signal)];
  await underLoad();

  await postgres.crash();
  await until('it is seen', async () => (await readiness()).every(([, state]) => state === 'degraded'));
  expect((await readiness()).map(([status]) => status)).toEqual([200, 200]);
  await underLoad();
  await postgres.restart();
  await until('it is back', async () => (await readiness()).every(([, state]) => state === 'ok'));

  await tally.redis.kill();
  await until('it is seen', async () => (await readiness()).every(([, state]) => state === 'degraded'));
  expect((await readiness()).map(([status]) => status)).toEqual([200, 200]);
  await underLoad();
  await tally.redis.restart();
  await until('it is back', async () => (await readiness()).every(([, state]) => state === 'ok'));

  for (const [index, api] of apis.entries()) {
    await underLoad();
    expect(await api.service.stop()).toBe('exit code 0');
    await underLoad();
    await api.revive();
    doors[index]!.aim(new URL(api.service.url));
    await until('it is ready', async () => (await readiness())[index]![0] === 200);
  }
  await underLoad();
  ending.abort();
  await Promise.all(loads);
  expect(seen.lost).toEqual([]);
});
