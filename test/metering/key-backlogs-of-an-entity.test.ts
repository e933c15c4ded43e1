import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { BACKLOG_MAX } from '../../src/metering/key-backlog.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';

let app: TestApp;
beforeAll(async () => (app = await anApp()));
afterAll(() => app.close());

const EVENTS = 1_000;

async function report(key: string, entity: string): Promise<number> {
  const events = Array.from({ length: EVENTS }, () => anEventBody({ subject: `${entity}/p` }));
  return (await app.call('POST /v1/usage/events', { key, body: events })).status;
}

// No worker takes what waits here.
it('keys of one entity have one backlog, so more keys let no more usage wait; others have their own', async () => {
  const [first, second, other] = [
    await app.key('gateway', 'entity1'),
    await app.key('gateway', 'entity1'),
    await app.key('gateway', 'entity2'),
  ];
  for (let waiting = 0; waiting < BACKLOG_MAX; waiting += EVENTS)
    expect(await report(waiting % 2 === 0 ? first : second, 'entity1')).toBe(202);
  expect([await report(first, 'entity1'), await report(second, 'entity1')]).toEqual([429, 429]);
  expect(await report(await app.key('gateway', 'entity1'), 'entity1')).toBe(429);
  expect([await report(other, 'entity2'), await report(await app.key('gateway'), 'entity1')]).toEqual([
    202, 202,
  ]);
});
