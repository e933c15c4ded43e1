/** What redis.ts and lua-script.ts rely on in ioredis: a new version of it may change any of this. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { aRedis, type TestRedis } from '../support/redis.js';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await aRedis();
  redis = connectRedis(server.url, 'impatient');
  await untilReady(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

it('the installed ioredis is the version that the code is written for', () => {
  const read = (path: string) => readFileSync(path, 'utf8');
  const { version } = JSON.parse(read(createRequire(import.meta.url).resolve('ioredis/package.json')));
  const { dependencies } = JSON.parse(read('package.json'));
  const documented = ['src/platform/redis.ts', 'src/quota/lua-script.ts'].map(
    (file) => /ioredis (\d+\.\d+\.\d+)/.exec(read(file))?.[1],
  );
  expect([dependencies.ioredis, ...documented]).toEqual([version, version, version]);
});

it('the commands of one turn of the event loop are one write', async () => {
  // The socket's own: what a corked stream hands on at once.
  const socket = redis.stream as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>;
  const [one, many] = [jest.spyOn(socket, '_write'), jest.spyOn(socket, '_writev')];
  await Promise.all([redis.set('a', '1'), redis.incr('a'), redis.get('a')]);
  expect([one.mock.calls.length, many.mock.calls.length]).toEqual([0, 1]);
  await redis.get('a');
  expect(one.mock.calls.length + many.mock.calls.length).toBe(2);
  for (const spy of [one, many]) spy.mockRestore();
});
