/** How arguments get from TypeScript into Lua: by name, in the sequence in which the script names them. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis, untilReady } from '../support/redis-connection.js';
import { RedisNodes } from '../../src/platform/redis-nodes.js';
import { RedisBreakers } from '../../src/quota/redis-breakers.js';
import { aRedis, type TestRedis } from '../support/redis.js';
import { LuaScript, ScriptKeys } from '../../src/quota/lua-script.js';
import * as scripts from '../../src/quota/quota-scripts.js';

type Release = { now_ms: string; reservation_id: string; ttl_ms: string };

describe('a script', () => {
  it.each([
    { gives: 'the same arguments in another sequence', of: (a: Release) => [a.reservation_id, a.now_ms] },
    { gives: 'fewer arguments', of: (a: Release) => [a.now_ms] },
    { gives: 'more arguments', of: (a: Release) => [a.now_ms, a.reservation_id, a.ttl_ms] },
    { gives: 'another argument', of: (a: Release) => [a.now_ms, a.ttl_ms] },
  ])('is not loaded where TypeScript gives $gives', ({ of }) => {
    expect(() => new LuaScript(['release-arguments', 'release'], of)).toThrow(
      'release.lua names its arguments',
    );
  });

  it('that names its arguments nowhere, or twice, is not loaded', () => {
    const { inSequence } = scripts.RELEASE;
    for (const files of [['release'], ['release-arguments', 'release-arguments', 'release']])
      expect(() => new LuaScript(files, inSequence)).toThrow('release.lua names its arguments');
  });

  it('reads its arguments nowhere else than where it names them', () => {
    const { PUBLISH_STATES, ...others } = scripts;
    for (const script of Object.values(others)) expect(script.text.match(/\bARGV\b/g)).toEqual(['ARGV']);
    // A list follows those that it names.
    expect(PUBLISH_STATES.text.match(/\bARGV\b.*/g)).toEqual(['ARGV, 1, 2)', 'ARGV, 3']);
  });
});

describe('a call', () => {
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

  const release = ({ id = 'res_1', entity = 'e' } = {}) => {
    const keys = new ScriptKeys([`tally:{${entity}}:a`, `tally:{${entity}}:b`]);
    const args = { now_ms: '', reservation_id: id, ttl_ms: '1' };
    return { keys, args, answer: ECHO.run(new RedisBreakers(new RedisNodes(redis)), keys, args) };
  };
  /** Answers with what it was called with. */
  const ECHO = new LuaScript<Release>(['release-arguments', 'release'], (named) => [
    named.now_ms,
    named.reservation_id,
  ]);
  Object.assign(ECHO, {
    text: 'return {KEYS[1], KEYS[2], ARGV[1], ARGV[2]}',
    sha: '9d5f1e0f3c5a4b9c0a5e4b8b6d0f0a1c2b3d4e5f',
  });
  const writes = () => {
    const stream = jest.spyOn(redis.stream as unknown as { write(data: string | Buffer): boolean }, 'write');
    return { lines: () => stream.mock.calls.map(([data]) => String(data)), end: () => stream.mockRestore() };
  };

  it('sends the hash, and the text where Redis does not know the hash', async () => {
    const written = writes();
    expect(await release().answer).toEqual(['tally:{e}:a', 'tally:{e}:b', '', 'res_1']);
    const [evalsha, evaluated, ...others] = written.lines();
    written.end();
    expect(evalsha).toMatch(/^\*7\r\n\$7\r\nevalsha\r\n\$40\r\n/);
    expect(evaluated).toMatch(/^\*7\r\n\$4\r\neval\r\n\$43\r\nreturn /);
    expect(others).toEqual([]);
  });

  it('keeps bytes beyond ASCII, in keys and in arguments', async () => {
    expect(await release({ entity: 'é', id: '🙂' }).answer).toEqual(['tally:{é}:a', 'tally:{é}:b', '', '🙂']);
  });

  it('fails with what Redis answers where that is not about its hash', async () => {
    const text = Object.assign(Object.create(ECHO) as LuaScript<Release>, { text: 'return nonsense(' });
    const run = text.run(new RedisBreakers(new RedisNodes(redis)), new ScriptKeys(['a']), {
      now_ms: '',
      reservation_id: '',
      ttl_ms: '',
    });
    await expect(run).rejects.toMatchObject({ name: 'Unavailable', reason: expect.stringMatching(/^ERR /) });
  });

  it('starts no timer of its own, which the connection sets for other commands', async () => {
    await release().answer;
    const timers = jest.spyOn(globalThis, 'setTimeout');
    await release().answer;
    const own = timers.mock.calls.filter(([, ms]) => ms === 5_000).length;
    await redis.ping();
    const others = timers.mock.calls.filter(([, ms]) => ms === 5_000).length - own;
    timers.mockRestore();
    expect([own, others]).toEqual([0, 1]);
  });
});
