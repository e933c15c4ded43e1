import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { callerOf, type Answer } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { counted, countedOf } from '../../support/counted.js';
import { anInstallation, type Installation, type Machine } from '../../support/installation.js';
import { until } from '../../support/until.js';
import { EVENT_PICOS, inJobsOf, usage } from './usage.js';

let tally: Installation;
let apis: readonly [Machine, Machine];
let workers: readonly [Machine, Machine];
beforeAll(async () => {
  tally = await anInstallation();
  // The first one migrates.
  const first = await tally.start('api');
  const [second, ...rest] = await Promise.all([
    tally.start('api'),
    tally.start('worker'),
    tally.start('worker'),
  ]);
  apis = [first, second];
  workers = rest;
});
afterAll(() => tally.close());
afterEach(async () => {
  await Promise.all(tally.machines.map((machine) => machine.revive()));
  expect(await tally.differences()).toEqual([]);
});

const report = (api: Machine, body: unknown) => callerOf(api.service.url)('POST /v1/usage/events', { body });

describe('SIGTERM', () => {
  it('under load: a worker commits what it has begun, leaves the rest waiting, and exits with 0', async () => {
    await workers[1].service.stop();
    await tally.queue.add(inJobsOf(10, usage('drained', 10_000)));
    await until('it is at work', async () => (await countedOf(tally, 'drained')).events > 0);
    expect(await workers[0].service.stop()).toBe('exit code 0');
    const {
      active,
      delayed,
      waiting = 0,
    } = await tally.queue.queue.getJobCounts('active', 'delayed', 'waiting');
    expect({ active, delayed }).toEqual({ active: 0, delayed: 0 });
    const done = 10_000 - waiting * 10;
    expect(await countedOf(tally, 'drained')).toEqual(counted(done, BigInt(done) * EVENT_PICOS));
    await workers[0].revive();
    await tally.queue.drained();
    expect(await countedOf(tally, 'drained')).toEqual(counted(10_000, 10_000n * EVENT_PICOS));
  });

  it('lets an API answer the requests it has accepted, and exits with 0', async () => {
    let answered = 0;
    const ask = async (): Promise<Answer | null> => {
      const answer = await report(apis[1], usage('answered', 20)).catch(() => null);
      answered += 1;
      return answer;
    };
    const asked = Array.from({ length: 50 }, ask);
    await until('some are answered', () => answered > 0);
    const exit = apis[1].service.stop();
    const answers = await Promise.all(asked);
    expect(await exit).toBe('exit code 0');
    const accepted = answers.filter((answer) => answer?.status === 202).length * 20;
    expect(accepted).toBeGreaterThan(0);
    await tally.queue.drained();
    expect((await countedOf(tally, 'answered')).events).toBeGreaterThanOrEqual(accepted);
  });

  it('ends a worker within seconds even while Redis or Postgres is unavailable', async () => {
    await tally.queue.add([usage('cut-off', 10)]);
    await workers[0].wires.redis.cut();
    await workers[1].wires.postgres.cut();
    await until('it has noticed', () => workers[0].service.log().includes('redis is unavailable'));
    const since = performance.now();
    const ends = await Promise.all(workers.map(({ service }) => service.stop()));
    for (const end of ends) expect(end).toMatch(/^exit code [01]$/);
    // The log says what it still waited for.
    const why = /"waits_for":"app"|did not close/;
    expect(workers.map(({ service }) => why.test(service.log()))).toEqual(
      ends.map((end) => end === 'exit code 1'),
    );
    // Five seconds, and what a busy machine adds; orchestrators kill after thirty.
    expect(performance.now() - since).toBeLessThan(20_000);
    await tally.mend();
    await Promise.all(workers.map((worker) => worker.revive()));
    await tally.queue.drained();
    expect(await countedOf(tally, 'cut-off')).toEqual(counted(10, 10n * EVENT_PICOS));
  });
});

describe('two workers and two APIs', () => {
  it('count each event once when all of them get the same events at once', async () => {
    const events = inJobsOf(50, usage('shared', 3_000));
    await Promise.all([
      ...events.flatMap((batch) => apis.map((api) => report(api, batch))),
      tally.queue.add(events),
      tally.queue.add(events.flat()),
    ]);
    await tally.queue.drained();
    expect(await countedOf(tally, 'shared')).toEqual(counted(3_000, 3_000n * EVENT_PICOS));
  });

  it('burn the same credits at once to exactly zero, and book exactly the rest as overage', async () => {
    // 1,500 of 3,000 events, and half of one more.
    const order = { body: { amount_usd: '0.15980325' } };
    await tally.call('PUT /v1/admin/entities/burning', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/burning/credits', order);
    // Slow wires make their transactions overlap.
    for (const { wires } of workers) wires.postgres.slowDown(10);
    for (let round = 0; round < 10; round += 1) await tally.queue.add(inJobsOf(100, usage('burning', 300)));
    await tally.queue.drained();
    await tally.mend();
    expect(await countedOf(tally, 'burning')).toEqual(counted(3_000, 3_000n * EVENT_PICOS));
    const { body: grants } = await tally.call('GET /v1/admin/entities/burning/credits');
    expect(grants.data[0]).toMatchObject({ burnt_usd: '0.15980325', remaining_usd: '0' });
    const { body: balance } = await tally.call('GET /v1/entities/burning/balance');
    expect(balance).toMatchObject({ month_to_date_usd: '0.3195', overage_usd: '0.15969675' });
    expect(await tally.sql(`select from dead_letters where entity = 'burning'`)).toEqual([]);
  });

  it('admit exactly what the credits cover when both reserve from them at once', async () => {
    // A request of 1,000 tokens holds $0.00071; 25 of them fit.
    const order = { body: { amount_usd: '0.018' } };
    await tally.call('PUT /v1/admin/entities/raced', { body: { plan: 'free' } });
    await tally.call('POST /v1/admin/entities/raced/credits', order);
    const body = { project: 'raced/p', model: LLAMA, input_tokens: 500, max_output_tokens: 500 };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        callerOf(apis[index % 2]!.service.url)('POST /v1/quota/reservations', { body }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(25);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(75);
  });

  it('lose nothing and count nothing twice when they are restarted one after the other under load', async () => {
    const feeding = new AbortController();
    let sent = 0;
    const feed = async (): Promise<void> => {
      for (; !feeding.signal.aborted; sent += 3) {
        const batch = usage('rolling', 3);
        for (let accepted = false, turn = sent; !accepted; turn += 1) {
          const answer = await report(apis[turn % 2]!, batch).catch(() => null);
          accepted = answer?.status === 202;
        }
      }
    };
    const restart = async (): Promise<string[]> => {
      const ends: string[] = [];
      for (const machine of [...workers, ...apis]) {
        ends.push(await machine.service.stop());
        await machine.revive();
      }
      feeding.abort();
      return ends;
    };
    const [ends] = await Promise.all([restart(), feed()]);
    expect(ends).toEqual(Array.from({ length: 4 }, () => 'exit code 0'));
    await tally.queue.drained();
    expect(sent).toBeGreaterThan(0);
    expect(await countedOf(tally, 'rolling')).toEqual(counted(sent, BigInt(sent) * EVENT_PICOS));
  });
});
