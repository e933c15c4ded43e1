import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMIT } from '../../support/fault-proxy.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { until } from '../../support/until.js';
import { aTestQueue, type TestQueue } from '../../support/usage-queue.js';
import { EVENT_PICOS, usage } from './usage.js';

let tally: Installation;
let upkeep: TestQueue;
let workers: readonly [Machine, Machine];
beforeAll(async () => {
  tally = await anInstallation();
  upkeep = await aTestQueue(tally.redis.url, { name: 'upkeep-money' });
  await tally.start('api');
  workers = [await tally.start('worker'), await tally.start('worker')];
});
afterAll(async () => {
  await upkeep.close();
  await tally.close();
});

/** The hours that are open now were open two hours ago. */
const closeHours = () =>
  tally.sql(`update burns set booked_hour = booked_hour - interval '2 hours' where not posted`);

/** A scheduled job never counts as done: its next run is always there. */
const upkeepDone = async () => {
  await upkeep.stall();
  await until('the upkeep is done', async () => {
    const { active = 0, waiting = 0 } = await upkeep.queue.getJobCounts('active', 'waiting');
    return active + waiting === 0;
  });
};

async function anEntityWithBurns(entity: string): Promise<void> {
  await tally.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  await tally.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd: '0.0005' } });
  await tally.queue.add([usage(entity, 10)]);
  await tally.queue.drained();
  await closeHours();
}

const posted = async (entity: string) => {
  const { body } = await tally.call(`GET /v1/admin/entities/${entity}/ledger`);
  return body.data
    .filter(({ kind }: { kind: string }) => kind === 'burn' || kind === 'overage')
    .map(({ kind, amount_usd }: { kind: string; amount_usd: string }) => `${kind} ${amount_usd}`)
    .sort();
};
/** Ten events cost $0.001065, of which the credits pay $0.0005. */
const ONCE = ['burn 0.0005', 'overage 0.000565'];

describe('the upkeep', () => {
  it('that runs many times at once on two workers posts every closed hour once', async () => {
    expect(EVENT_PICOS * 10n).toBe(1_065_000_000n);
    for (let index = 0; index < 5; index += 1) await anEntityWithBurns(`hours-${index}`);
    await Promise.all(Array.from({ length: 20 }, () => upkeep.add([{}], 'post-closed-hours')));
    await upkeepDone();
    for (let index = 0; index < 5; index += 1) expect(await posted(`hours-${index}`)).toEqual(ONCE);
    expect(await tally.differences()).toEqual([]);
  });

  it('that runs many times at once on two workers writes an expired grant off once', async () => {
    const body = { amount_usd: '3', effective_at: '2026-01-01', expires_at: '2099-01-01' };
    await tally.call('PUT /v1/admin/entities/expired', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/expired/credits', { body });
    await tally.sql(`update credit_grants set expires_at = '2026-01-02' where entity = 'expired'`);
    await Promise.all(Array.from({ length: 20 }, () => upkeep.add([{}], 'expire-grants')));
    await upkeepDone();
    const { body: ledger } = await tally.call('GET /v1/admin/entities/expired/ledger');
    expect(ledger.data.map(({ kind }: { kind: string }) => kind).sort()).toEqual(['expiry', 'purchase']);
    expect(await tally.differences()).toEqual([]);
  });

  it('of a worker that is killed after the commit and before the job is done is not done twice', async () => {
    await workers[1].service.stop();
    await anEntityWithBurns('killed');
    const killed = workers[0].wires.postgres.breakAt({
      text: COMMIT,
      after: 'insert into ledger_entries',
      when: 'answered',
      doing: () => workers[0].service.kill(),
    });
    await upkeep.add([{}], 'post-closed-hours');
    await killed;
    await workers[0].revive();
    await upkeep.add([{}], 'post-closed-hours');
    await upkeepDone();
    expect(await posted('killed')).toEqual(ONCE);
    expect(await tally.differences()).toEqual([]);
  });
});
