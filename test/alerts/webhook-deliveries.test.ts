import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WebhookDeliveries } from '../../src/alerts/webhook-deliveries.js';
import { takeDueDeliveries } from '../../src/alerts/webhook-deliveries.sql.js';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { Webhooks } from '../../src/alerts/webhooks.js';
import { Accounts } from '../../src/accounts/accounts.js';
import type { EntityName } from '../../src/domain/ids.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';
import { aReceiver, type Receiver } from '../support/receiver.js';
import { seed } from '../support/seed.js';
import { TestClock } from '../support/test-clock.js';
import { until } from '../support/until.js';

const clock = new TestClock();
const sender = new WebhookSender({ allowPrivate: true });
let postgres: TestDatabase;
let database: Database;
let webhooks: Webhooks;
let silent: Receiver;
let healthy: Receiver;
beforeAll(async () => {
  postgres = await aDatabase();
  database = new Database({ url: postgres.url });
  await seed(database);
  webhooks = new Webhooks(database, clock, sender, new Accounts());
});
afterAll(async () => {
  await database.close();
  await postgres.drop();
});
let opened: { stop: AbortController; run: Promise<void> }[] = [];
let messageCount = 0;
beforeEach(async () => {
  await postgres.pool.query('truncate webhooks, webhook_deliveries');
  clock.set('2026-11-22T12:00:00Z');
  [silent, healthy] = await Promise.all([aReceiver(), aReceiver()]);
  silent.answer('never');
});
afterEach(async () => {
  silent.answer(503);
  silent.letGo();
  for (const { stop } of opened) stop.abort();
  await Promise.all(opened.map(({ run }) => run));
  opened = [];
  await Promise.all([silent.close(), healthy.close()]);
});

/** As another process of the service has it. */
const someDeliveries = () => new WebhookDeliveries(database, clock, sender);
const hook = async (entity: string, url: string): Promise<void> => {
  const order = { url, entity: entity as EntityName, actor: 'test' };
  await database.transaction(async (tx) => {
    await new Accounts().ensureEntity(tx, entity, clock.now());
    await webhooks.create(tx, order);
  });
};
const tell = async (entity: string, count = 1): Promise<void> => {
  const messages = Array.from({ length: count }, () => ({
    id: `evt_${messageCount++}`,
    type: 'test',
    entity,
    isForEntity: true,
    payload: '{}',
  }));
  await database.transaction((tx) => someDeliveries().enqueue(tx, messages, clock.now()));
};
/** Delivers until the test ends, as a process does. */
const run = (): void => {
  const stop = new AbortController();
  const runs = async (): Promise<void> => {
    const deliveries = someDeliveries();
    const isStopped = async () => (await deliveries.deliver(stop.signal), stop.signal.aborted);
    await until('the test ends', isStopped, 600);
    await deliveries.onApplicationShutdown();
  };
  opened.push({ stop, run: runs() });
};
const receivedBy = (receiver: Receiver, path: string) =>
  receiver.received.filter((each) => each.path === `/hook/${path}`).length;

describe('a receiver that never answers', () => {
  it('delays no delivery to another, not even one that becomes due while it is waited for', async () => {
    for (let index = 0; index < 5; index += 1) await hook('dead', `${silent.url}/${index}`);
    await hook('alive', `${healthy.url}/alive`);
    await tell('dead', 50);
    await tell('alive');
    run();
    await until('each of the dead has one', () => silent.received.length >= 5);
    await until('the other has its message', () => receivedBy(healthy, 'alive') === 1);
    await tell('alive');
    await until('the other has its second message', () => receivedBy(healthy, 'alive') === 2);
    expect(silent.heldMax()).toBeLessThanOrEqual(5);
  });

  it('gets one at a time, whatever waits for it and however many processes deliver', async () => {
    await hook('dead', `${silent.url}/dead`);
    await hook('alive', `${healthy.url}/alive`);
    await tell('dead', 20);
    await tell('alive', 20);
    for (let process = 0; process < 3; process += 1) run();
    await until('the other has all its messages', () => receivedBy(healthy, 'alive') === 20);
    expect(silent.heldMax()).toBe(1);
    expect(new Set(healthy.received.map(({ headers }) => headers['webhook-id'])).size).toBe(20);
  });

  it('takes few of the places where it has failed before, so that one that is new finds one', async () => {
    for (let index = 0; index < 20; index += 1) await hook('dead', `${silent.url}/${index}`);
    await postgres.pool.query('update webhooks set failures = 1');
    await tell('dead');
    run();
    await until('four are tried', () => silent.received.length >= 4);
    await hook('alive', `${healthy.url}/alive`);
    await tell('alive', 3);
    await until('the other has its messages', () => receivedBy(healthy, 'alive') === 3);
    expect(silent.heldMax()).toBe(4);
  });
});

describe('a webhook that fails three times in a row', () => {
  /** In as many runs as it takes. */
  const attempt = async (minutes: number): Promise<number> => {
    clock.advance(minutes * 60_000);
    const deliveries = someDeliveries();
    let attempts = 0;
    for (let more = 1; more > 0; attempts += more) more = await deliveries.deliver();
    return attempts;
  };

  it('gets one probe after a minute, and one after twice as long each time; its messages wait', async () => {
    silent.answer(503);
    await hook('failing', `${silent.url}/failing`);
    await tell('failing', 50);
    expect(await attempt(0)).toBe(3);
    expect([await attempt(0.9), await attempt(0.1), await attempt(1.9), await attempt(0.1)]).toEqual([
      0, 1, 0, 1,
    ]);
    expect((await postgres.pool.query('select from webhook_deliveries where attempts = 0')).rowCount).toBe(
      45,
    );
  });

  it('gets all that waits when a probe is accepted', async () => {
    silent.answer(503);
    await hook('back', `${silent.url}/back`);
    await tell('back', 20);
    expect(await attempt(0)).toBe(3);
    silent.answer(204);
    expect(await attempt(1)).toBe(20);
    expect(
      (await postgres.pool.query(`select from webhook_deliveries where status <> 'delivered'`)).rowCount,
    ).toBe(0);
  });

  it('has its messages given up after three days', async () => {
    silent.answer(503);
    await hook('gone', `${silent.url}/gone`);
    await tell('gone', 20);
    await attempt(0);
    clock.advance(3 * 86_400_000 + 1);
    expect(await someDeliveries().prune()).toBe(20);
    expect(await attempt(60)).toBe(0);
  });
});

describe('a process that dies while it delivers', () => {
  it('leaves its message to another, once its time is over', async () => {
    await hook('left', `${healthy.url}/left`);
    await tell('left');
    const taken = { areFailing: false, limit: 1, leaseSeconds: 20, retryDelaysSeconds: [5] };
    await takeDueDeliveries(database.reader, { at: clock.now(), ...taken });
    clock.advance(19_999);
    expect(await someDeliveries().deliver()).toBe(0);
    clock.advance(1);
    expect(await someDeliveries().deliver()).toBe(1);
    expect(receivedBy(healthy, 'left')).toBe(1);
  });
});
