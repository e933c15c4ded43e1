/** Usage that is accepted only once a replica has it, over real Sentinels: what a failover may take with it, and what waiting costs whom. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestApp } from '../../support/app.js';
import { aSentinelSetup, type RedisProcess, type SentinelSetup } from '../../support/redis-kinds.js';
import {
  anAppOn,
  anEventOf,
  countedIn,
  CUSTOMERS,
  reserve,
  untilCounted,
} from '../../support/redis-worlds.js';
import { until } from '../../support/until.js';

const [CUSTOMER] = CUSTOMERS as [string];

let setup: SentinelSetup;
let app: TestApp;
let master: RedisProcess;
let replica: RedisProcess;
beforeEach(async () => {
  setup = await aSentinelSetup();
  // Nobody takes over but where a test waits for it.
  await setup.waitFor(600_000);
  app = await anAppOn({ REDIS_URL: setup.url, QUEUE_REPLICAS_MIN: '1' });
  master = await setup.master();
  replica = setup.servers.find((server) => server !== master)!;
});
afterEach(async () => {
  for (const server of setup.servers) server.thaw();
  await app.close();
  await setup.stop();
});

const report = (id: string) => app.call('POST /v1/usage/events', { body: anEventOf(app, CUSTOMER, id) });

describe('with QUEUE_REPLICAS_MIN=1', () => {
  it('usage is accepted while a replica has it, refused for now while none says so, and counted once in the end', async () => {
    expect((await report('before')).status).toBe(202);
    replica.freeze();
    const refused = await report('meanwhile');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    replica.thaw();
    await until('the replica has it', async () => (await report('meanwhile')).status === 202);
    await untilCounted(app, 2);
  });

  it('no decision waits for a replica', async () => {
    replica.freeze();
    const reported = report('waits');
    let answered = false;
    void reported.then(() => (answered = true));
    const decisions = await Promise.all(
      Array.from({ length: 20 }, (_, n) => reserve(app, CUSTOMER, `r${n}`)),
    );
    expect(answered).toBe(false);
    for (const { status, body } of decisions) expect([status, body.degraded]).toEqual([201, undefined]);
    expect((await reported).status).toBe(503);
  });

  it('usage whose master becomes a replica while it waits for one is refused for now, and counted once in the end', async () => {
    replica.freeze();
    const waiting = report('demoted');
    await until('it waits for a replica', async () =>
      ((await master.redis.client('LIST')) as string).includes(' cmd=wait '),
    );
    await master.redis.replicaof('127.0.0.1', replica.port);
    expect((await waiting).status).toBe(503);
    await master.redis.replicaof('NO', 'ONE');
    replica.thaw();
    await until('it is accepted', async () => (await report('demoted')).status === 202);
    await untilCounted(app, 1);
  });

  it('what was accepted outlives its master, and the rest is accepted once there is a replica again', async () => {
    const ids = Array.from({ length: 50 }, (_, n) => `last-${n}`);
    const accepted = new Set<string>();
    const reportAll = () =>
      Promise.all(
        ids.map(async (id) => {
          const answer = await report(id);
          if (answer.status === 202) accepted.add(id);
        }),
      );
    const reported = reportAll();
    await until('some were accepted', () => accepted.size > 0);
    await master.kill();
    await reported;
    await setup.waitFor(1_000);
    await until('the replica has taken over', async () => (await setup.master()) === replica);
    await until('they are counted', async () => (await countedIn(app)).events >= accepted.size, 240);
    expect((await report('alone')).status).toBe(503);
    await master.revive();
    await until('all are accepted', async () => {
      await reportAll();
      return accepted.size === ids.length;
    });
    // What was refused for the lack of a replica may be in the queue or not: reported again it is counted once.
    await until('the refused one is accepted', async () => (await report('alone')).status === 202);
    await untilCounted(app, ids.length + 1);
  });
});
