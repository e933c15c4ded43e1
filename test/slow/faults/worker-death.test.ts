import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { counted, countedOf } from '../../support/counted.js';
import { COMMIT, COUNTING } from '../../support/fault-proxy.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, inJobsOf, usage } from './usage.js';

let tally: Installation;
let worker: Machine;
beforeAll(async () => {
  tally = await anInstallation();
  await tally.start('api');
  worker = await tally.start('worker');
});
afterAll(() => tally.close());
afterEach(async () => {
  await tally.mend();
  await worker.revive();
  await tally.queue.stall();
  await tally.queue.drained();
  expect(await tally.differences()).toEqual([]);
});

const buy = async (entity: string, amount_usd: string) => {
  await tally.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  return tally.call(`POST /v1/admin/entities/${entity}/credits`, { body: { amount_usd } });
};
const creditsLeft = async (entity: string) => {
  const headers = { 'openai-project': `${entity}/project0` };
  return (await tally.call('GET /v1/quota/check', { headers })).body.remaining?.credits_usd;
};

const duplicatesSeenBy = async ({ service }: Machine) => {
  const { text } = await service.call('GET /metrics');
  return Number(/usage_events_total{outcome="duplicate"} (\d+)/.exec(text)?.[1] ?? 0);
};

/** Usage whose entity another transaction holds. */
const waitingAt = async ({ service }: Machine) => {
  const { text } = await service.call('GET /metrics');
  return Number(/tally_usage_waiting\{reason="locked"\} (\d+)/.exec(text)?.[1] ?? 0);
};

describe('a worker that dies', () => {
  it('between commit and job completion: the job runs again, inserts nothing, and publishes the same state', async () => {
    await buy('after', '1');
    expect(await creditsLeft('after')).toBe('1');
    const killed = worker.wires.postgres.breakAt({
      text: COMMIT,
      after: COUNTING,
      when: 'answered',
      doing: () => worker.service.kill(),
    });
    await tally.queue.add(inJobsOf(20, usage('after', 20)));
    await killed;
    expect(await countedOf(tally, 'after')).toEqual(counted(20, 20n * EVENT_PICOS));
    expect(await tally.queue.openCount()).toBe(1);
    expect(await creditsLeft('after')).toBe('1');
    await worker.revive();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await countedOf(tally, 'after')).toEqual(counted(20, 20n * EVENT_PICOS));
    expect(await creditsLeft('after')).toBe('0.99787');
  });

  it('before its commit: nothing is counted until the job runs again, and then everything once', async () => {
    const killed = worker.wires.postgres.breakAt({
      text: COMMIT,
      after: COUNTING,
      when: 'sent',
      doing: () => worker.service.kill(),
    });
    await tally.queue.add(inJobsOf(10, usage('before', 20)));
    await killed;
    expect(await countedOf(tally, 'before')).toEqual(counted(0, 0n));
    await worker.revive();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await countedOf(tally, 'before')).toEqual(counted(20, 20n * EVENT_PICOS));
  });

  it('and ends its hold only with the event that pays for it', async () => {
    await buy('held', '1');
    const project = 'held/project0';
    const order = {
      project,
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      input_tokens: 100,
      max_output_tokens: 100,
    };
    const { body: hold } = await tally.call('POST /v1/quota/reservations', { body: order });
    const [event] = usage('held', 1);
    const settling = { ...event, data: { ...(event!['data'] as object), reservation_id: hold.id } };
    const killed = worker.wires.postgres.breakAt({
      text: COMMIT,
      after: COUNTING,
      when: 'answered',
      doing: () => worker.service.kill(),
    });
    await tally.queue.add([settling]);
    await killed;
    const balance = async () => (await tally.call('GET /v1/entities/held/balance')).body;
    expect(await balance()).toMatchObject({ credits_usd: '0.9998935', held_usd: '0.000142' });
    await worker.revive();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await balance()).toMatchObject({ credits_usd: '0.9998935', held_usd: '0' });
  });
});

describe('a job that stalls', () => {
  it('and runs again while its first run is still at work counts once', async () => {
    const other = await tally.start('worker');
    await other.service.stop();
    let goOn = () => {};
    const waiting = new Promise<void>((resolve) => (goOn = resolve));
    const frozen = new Promise<void>((resolve) => {
      void worker.wires.postgres.breakAt({
        text: COMMIT,
        after: COUNTING,
        when: 'sent',
        spare: true,
        async doing() {
          worker.service.freeze();
          resolve();
          await waiting;
        },
      });
    });
    await tally.queue.add([usage('twice', 50)]);
    await frozen;
    await other.revive();
    await tally.queue.stall();
    await until('the second run waits for the first', async () => (await waitingAt(other)) === 50);
    goOn();
    worker.service.thaw();
    await tally.queue.drained();
    expect(await countedOf(tally, 'twice')).toEqual(counted(50, 50n * EVENT_PICOS));
    await other.service.kill();
  });

  it('on a machine that stood still until its job was done elsewhere counts once', async () => {
    const other = await tally.start('worker');
    await other.service.stop();
    const repeatedBefore = await duplicatesSeenBy(worker);
    worker.wires.postgres.hang();
    await tally.queue.add([usage('stood', 50)]);
    await until('the worker has taken the job', async () => (await tally.queue.queue.getActiveCount()) === 1);
    worker.service.freeze();
    await other.revive();
    await tally.queue.stall();
    await tally.queue.drained();
    expect(await countedOf(tally, 'stood')).toEqual(counted(50, 50n * EVENT_PICOS));
    await other.service.stop();
    await worker.wires.postgres.mend();
    worker.service.thaw();
    await until(
      'its own run found everything counted',
      async () => (await duplicatesSeenBy(worker)) === repeatedBefore + 50,
    );
    expect(await countedOf(tally, 'stood')).toEqual(counted(50, 50n * EVENT_PICOS));
  });
});
