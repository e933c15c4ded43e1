/** The primary dies under load, and its standby takes over: a synchronous one, so it has every commit that was answered. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { LLAMA } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { aPostgresPair, type PostgresPair } from '../../support/postgres-pair.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, usage } from './usage.js';

let postgres: PostgresPair;
let tally: Installation;
let api: Machine;
let worker: Machine;
beforeAll(async () => {
  postgres = await aPostgresPair();
  tally = await anInstallation({ postgres });
  api = await tally.start('api');
  worker = await tally.start('worker');
});
afterAll(() => tally.close());

const seen = { requests: 0, statuses: new Map<string, Set<number>>(), accepted: 0 };

async function ask(call: string, body: unknown) {
  const answer = await api.service.call(call, { body });
  seen.requests += 1;
  seen.statuses.set(call, (seen.statuses.get(call) ?? new Set()).add(answer.status));
  return answer;
}

/** A customer's requests, one after the other: held, run, reported. Every event that was accepted is to be counted. */
async function use(ending: AbortSignal): Promise<void> {
  for (let count = 0; !ending.aborted; count += 1) {
    const [event] = usage('failing', 1);
    const order = {
      project: String(event!['subject']),
      model: LLAMA,
      input_tokens: 100,
      max_output_tokens: 50,
      request_id: `r${count}`,
    };
    const held = await ask('POST /v1/quota/reservations', order);
    const data = { ...(event!['data'] as object), reservation_id: held.body.id };
    const reported = await ask('POST /v1/usage/events', { ...event, data });
    if (reported.status === 202) seen.accepted += 1;
  }
}

const status = async ({ service }: Machine) => {
  const { status: code, body } = await service.call('GET /readyz');
  return [code, body.status, body.checks.postgres];
};
async function underLoad(): Promise<void> {
  const before = seen.requests;
  await until('requests were answered', () => seen.requests > before + 30);
}

it('no request fails with 500, decisions go on, and every accepted event counts exactly once', async () => {
  await tally.call('PUT /v1/admin/entities/failing', { body: { plan: 'free' } });
  await tally.call('POST /v1/admin/entities/failing/credits', { body: { amount_usd: '50' } });
  const ending = new AbortController();
  const load = use(ending.signal);
  await underLoad();
  await postgres.crashPrimary();
  await until('its death is seen', async () => (await status(api))[1] === 'degraded');
  expect(await status(api)).toEqual([200, 'degraded', 'away']);
  expect(await status(worker)).toEqual([503, 'unavailable', 'away']);
  await underLoad();
  postgres.leadToStandby();
  await underLoad();
  // It answers, and takes no writes.
  expect(await status(api)).toEqual([200, 'degraded', 'away']);
  expect(await status(worker)).toEqual([503, 'unavailable', 'away']);
  const bought = await tally.call('POST /v1/admin/entities/failing/credits', { body: { amount_usd: '1' } });
  expect([bought.status, bought.headers.get('retry-after')]).toEqual([503, '1']);
  await postgres.promote();
  for (const machine of [api, worker])
    await until('it works again', async () => (await status(machine))[1] === 'ok');
  await underLoad();
  ending.abort();
  await load;
  await tally.queue.drained();
  expect(Object.fromEntries(seen.statuses)).toEqual({
    'POST /v1/quota/reservations': new Set([201]),
    'POST /v1/usage/events': new Set([202]),
  });
  expect(await countedOf(tally, 'failing')).toEqual(
    counted(seen.accepted, BigInt(seen.accepted) * EVENT_PICOS),
  );
  expect(await tally.sql('select from dead_letters')).toEqual([]);
  expect(await tally.differences()).toEqual([]);
  const log = api.service.log() + worker.service.log();
  expect(log.split('\n').filter((line) => line.includes('"msg":"request failed"'))).toEqual([]);
});
