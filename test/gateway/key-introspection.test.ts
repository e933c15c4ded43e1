/** The service that knows callers' keys fails, hangs, or is asked for made-up keys: callers with valid keys do not notice. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { KeyIntrospection } from '../../packages/gateway/src/key-introspection.js';
import { aModelServer, json, type Answer, type ModelServer } from '../support/model-server.js';
import { until } from '../support/until.js';

const VALID = json({ active: true, entity: 'entity1' });
const INVALID = json({ active: false });
const FAILURE = json('down', 500);
const silence: Answer = () => {};

let service: ModelServer;
let isOpen: boolean;
let now: Date;
let log: { msg: string; failures?: number }[];
let keys: KeyIntrospection;

beforeEach(async () => {
  now = new Date('2026-11-22T12:00:00Z');
  log = [];
  service = await aModelServer(VALID);
  isOpen = true;
  const logger = pino({}, { write: (line: string) => void log.push(JSON.parse(line)) });
  keys = new KeyIntrospection({ url: service.url, key: undefined, logger, now: () => now });
});

afterEach(() => stop());

async function stop(): Promise<void> {
  if (isOpen) await service.close();
  isOpen = false;
}

const later = (seconds: number) => (now = new Date(now.getTime() + seconds * 1_000));
const named = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}${index}`);
const entities = (names: string[]) => Promise.all(names.map((name) => keys.entityOf(name)));

it('while the service hangs, one request in five seconds waits for it, and all valid keys stay valid', async () => {
  const known = named('known', 10);
  await entities(known);
  later(61);
  service.answer = FAILURE;
  expect(await keys.entityOf('known0')).toBe('entity1');
  expect(await entities(known)).toEqual(known.map(() => 'entity1'));
  expect(service.asked).toHaveLength(11);

  later(6);
  service.answer = silence;
  const waiting = keys.entityOf('known0');
  expect(await entities(known.slice(1))).toEqual(known.slice(1).map(() => 'entity1'));
  await until('the service is asked', () => service.asked.length === 12);
  await stop();
  expect(await waiting).toBe('entity1');
  later(600);
  await expect(keys.entityOf('known1')).rejects.toMatchObject({ facts: { status: 503 } });
});

it('when the service answers again, a key that it has withdrawn is refused after five seconds', async () => {
  await entities(['known0', 'known1']);
  later(61);
  service.answer = FAILURE;
  await keys.entityOf('known0');
  service.answer = INVALID;
  expect(await keys.entityOf('known1')).toBe('entity1');
  later(5);
  expect(await keys.entityOf('known0')).toBeNull();
  expect(await keys.entityOf('known1')).toBeNull();
});

it('failures are logged once a minute, with how many there were', async () => {
  service.answer = FAILURE;
  await Promise.allSettled(named('made-up', 50).map((name) => keys.entityOf(name)));
  expect(log).toMatchObject([{ msg: 'GATEWAY_KEYS_URL cannot be asked', failures: 1 }]);
  later(60);
  await expect(keys.entityOf('one more')).rejects.toMatchObject({ facts: { status: 503 } });
  expect(log.map(({ failures }) => failures)).toEqual([1, 50]);
});

it('ten thousand made-up keys push out no valid key', async () => {
  await keys.entityOf('known');
  service.answer = INVALID;
  for (let round = 0; round < 101; round += 1) await entities(named(`made-up ${round} `, 100));
  service.answer = FAILURE;
  later(59);
  const askedBefore = service.asked.length;
  expect(await keys.entityOf('known')).toBe('entity1');
  expect(service.asked).toHaveLength(askedBefore);
});

it('while made-up keys take all their places, a key that was valid is still asked for', async () => {
  await keys.entityOf('known');
  service.answer = silence;
  const madeUp = named('made-up', 300).map((name) => keys.entityOf(name));
  const ended = Promise.allSettled(madeUp);
  await until('their places are full', () => service.asked.length === 1 + 192);
  later(61);
  service.answer = INVALID;
  expect(await keys.entityOf('known')).toBeNull();
  expect(service.asked).toHaveLength(1 + 193);
  await stop();
  expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
});
