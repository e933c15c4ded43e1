import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { LLAMA } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { anOwnPostgres, type OwnPostgres } from '../../support/own-postgres.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, inJobsOf, usage } from './usage.js';

let postgres: OwnPostgres;
let tally: Installation;
let machines: readonly Machine[];
beforeAll(async () => {
  postgres = await anOwnPostgres();
  tally = await anInstallation({ postgres });
  machines = [await tally.start('api'), await tally.start('api'), await tally.start('worker')];
});
afterAll(() => tally.close());

/** Remaining credits, by each API; null where it decided without being sure. */
const creditsLeft = () =>
  Promise.all(
    machines.slice(0, 2).map(async ({ service }) => {
      const headers = { 'openai-project': 'restored/project0' };
      const { body } = await service.call('GET /v1/quota/check', { headers });
      return body.degraded ? null : body.remaining?.credits_usd;
    }),
  );
const spend = async (count: number, entity = 'restored'): Promise<void> => {
  await tally.queue.add(inJobsOf(1, usage(entity, count)));
  await tally.queue.drained();
};
const hold = async () => {
  const body = { project: 'restored/project0', model: LLAMA, input_tokens: 500, max_output_tokens: 500 };
  expect((await tally.call('POST /v1/quota/reservations', { body })).status).toBe(201);
};

/** Runs statements as the superuser of a database beside the one that is restored. */
async function administrate(...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: postgres.url.replace(/\/tally$/, '/postgres') });
  await client.connect();
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}

describe('a database that is restored from a backup', () => {
  beforeEach(async () => {
    await tally.call('PUT /v1/admin/entities/restored', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/restored/credits', { body: { amount_usd: '1' } });
  });

  it('under running services, to before the month had any usage: it decides and counts by itself at once, and holds stay', async () => {
    expect(await creditsLeft()).toEqual(['1', '1']);
    await postgres.backUp();
    await spend(100);
    await spend(1, 'newcomer');
    await hold();
    expect(await creditsLeft()).toEqual(['0.98864', '0.98864']);
    await postgres.restore();
    for (const { service } of machines) {
      await until('it is back', async () => (await service.call('GET /readyz')).body.status === 'ok');
    }
    // What is held stays held: $0.00071.
    expect(await creditsLeft()).toEqual(['0.99929', '0.99929']);
    await spend(10);
    await spend(1, 'newcomer');
    expect(await creditsLeft()).toEqual(['0.998225', '0.998225']);
    expect(await tally.sql(`select name from projects where entity = 'newcomer'`)).toHaveLength(1);
    expect(await countedOf(tally, 'restored')).toEqual(counted(10, 10n * EVENT_PICOS));
    expect(await tally.sql('select from dead_letters')).toEqual([]);
    expect(await tally.differences()).toEqual([]);
  });

  it('while the services are stopped: their first decisions are by its books', async () => {
    expect(await creditsLeft()).toEqual(['1.998225', '1.998225']);
    await Promise.all(machines.map(({ service }) => service.stop()));
    const others = `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'tally'`;
    await administrate(others, 'create database backup template tally');
    await Promise.all(machines.map((machine) => machine.revive()));
    await spend(100);
    expect(await creditsLeft()).toEqual(['1.987575', '1.987575']);
    await Promise.all(machines.map(({ service }) => service.stop()));
    await administrate('drop database tally with (force)', 'create database tally template backup');
    await Promise.all(machines.map((machine) => machine.revive()));
    expect(await creditsLeft()).toEqual(['1.998225', '1.998225']);
    await spend(10);
    expect(await creditsLeft()).toEqual(['1.99716', '1.99716']);
    expect(await tally.differences()).toEqual([]);
  });
});
