/** A model server that fails behind the gateway: its error reaches the caller, and nothing is charged. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { json, stalledStream } from '../support/model-server.js';
import {
  aProxyWorld,
  call,
  charged,
  closeWorld,
  cutOff,
  HALF,
  HALF_USAGE,
  onlyEvent,
  open,
  restart,
  STREAM,
  type ProxyWorld,
} from '../support/proxy.js';

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld();
});

afterEach(() => closeWorld(world));

describe('a server that fails', () => {
  it.each([400, 404, 413, 422, 429, 500, 503])(
    'with %i is passed on as it is, and not charged',
    async (status) => {
      const answer = '{"object":"error","message":"no","type":"BadRequestError","usage":{"prompt_tokens":5}}';
      world.model.answer = json(answer, status, { 'retry-after': '7', 'x-should-retry': 'false' });
      const got = await call(world.gateway, { body: STREAM });
      expect(got).toMatchObject({
        status,
        text: answer,
        headers: { 'retry-after': '7', 'x-should-retry': 'false' },
      });
      expect(await charged(world)).toEqual([]);
    },
  );

  it('with 200 and an error in place of an answer is not charged', async () => {
    world.model.answer = json({ error: { message: 'no', code: 400 } });
    await call(world.gateway);
    expect(await charged(world)).toEqual([]);
  });

  it('in the middle of a plain answer is not charged', async () => {
    world.model.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},', () =>
        setImmediate(() => response.socket?.resetAndDestroy()),
      );
    };
    await cutOff(await open(world.gateway));
    expect(await charged(world)).toEqual([]);
  });

  it.each([
    { what: 'that is not there', answer: null, status: 502, code: 'upstream_unavailable' },
    { what: 'that hangs up', answer: 'hang up', status: 502, code: 'upstream_unavailable' },
    { what: 'that redirects', answer: 302, status: 502, code: 'upstream_unavailable' },
    { what: 'that refuses the key of the gateway', answer: 401, status: 502, code: 'upstream_unavailable' },
  ])(
    '$what is a $status of the gateway without its address, key or reason',
    async ({ answer, status, code }) => {
      if (answer === null) await restart(world, { GATEWAY_UPSTREAM_URL: await aClosedPort() });
      world.model.answer = (response) => {
        if (answer === 'hang up') response.socket?.destroy();
        else
          response
            .writeHead(Number(answer), { location: 'http://10.0.0.1/' })
            .end('upstream-secret is wrong');
      };
      const got = await call(world.gateway);
      expect(got.status).toBe(status);
      expect(JSON.parse(got.text)).toEqual({
        error: { message: expect.any(String), type: 'server_error', param: null, code },
      });
      expect(got.text + JSON.stringify(got.headers)).not.toMatch(/127\.0\.0\.1|10\.0\.0\.1|upstream-secret/);
      expect(world.gateway.logLines.join('')).toContain('upstream failed');
      expect(await charged(world)).toEqual([]);
    },
  );

  it('that answers nothing in GATEWAY_UPSTREAM_TIMEOUT_SECONDS is a 504', async () => {
    await restart(world, { GATEWAY_UPSTREAM_TIMEOUT_SECONDS: '1' });
    world.model.answer = () => {};
    const got = await call(world.gateway);
    expect([got.status, JSON.parse(got.text).error.code]).toEqual([504, 'upstream_timeout']);
    expect(await charged(world)).toEqual([]);
  });

  it('that falls silent in a stream is cut after that time, and charged what came', async () => {
    await restart(world, { GATEWAY_UPSTREAM_TIMEOUT_SECONDS: '1' });
    world.model.answer = stalledStream(HALF);
    expect(await cutOff(await open(world.gateway, { body: STREAM }))).toBe(HALF.join(''));
    expect((await onlyEvent(world.tally, world.gateway)).data.usage).toEqual(HALF_USAGE);
  });
});

/** The address of a server that has gone. */
async function aClosedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : null}`;
}
