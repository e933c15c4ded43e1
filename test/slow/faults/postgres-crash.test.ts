import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { counted, countedOf } from '../../support/counted.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { anOwnPostgres, type OwnPostgres } from '../../support/own-postgres.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, inJobsOf, usage } from './usage.js';

let postgres: OwnPostgres;
let tally: Installation;
let worker: Machine;
beforeAll(async () => {
  postgres = await anOwnPostgres();
  tally = await anInstallation({ postgres });
  await tally.start('api');
  worker = await tally.start('worker');
});
afterAll(() => tally.close());

const check = () => tally.call('GET /v1/quota/check', { headers: { 'openai-project': 'crashed/project0' } });

describe('a Postgres that crashes under load', () => {
  it('loses nothing that was counted: jobs wait for it, decisions go on from Redis, and every event counts once', async () => {
    await tally.call('PUT /v1/admin/entities/crashed', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/crashed/credits', { body: { amount_usd: '10' } });
    expect((await check()).status).toBe(200);
    // So that a fast machine is still at work when Postgres crashes.
    worker.wires.postgres.slowDown(10);
    for (let round = 0; round < 2; round += 1) {
      await tally.queue.add(inJobsOf(20, usage('crashed', 2_000)));
      await until('the worker is at work', async () => (await tally.queue.queue.getActiveCount()) > 0);
      await postgres.crash();
      expect((await worker.service.call('GET /readyz')).status).toBe(503);
      expect((await check()).status).toBe(200);
      await until('the jobs wait', async () => (await tally.queue.queue.getDelayedCount()) > 0);
      await postgres.restart();
      await tally.queue.drained();
    }
    expect(await countedOf(tally, 'crashed')).toEqual(counted(4_000, 4_000n * EVENT_PICOS));
    expect((await check()).body.remaining.credits_usd).toBe('9.574');
    expect(await tally.differences()).toEqual([]);
    expect((await worker.service.call('GET /readyz')).status).toBe(200);
  });
});
