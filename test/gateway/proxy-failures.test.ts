/** A model server that fails behind the gateway: its error reaches the caller, and nothing is charged. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import type { TestGateway } from '../support/gateway.js';
import { VLLM } from '../support/model-answers.js';
import { aModelServer, json, stalledStream, type ModelServer } from '../support/model-server.js';
import { aProxy, call, CHAT, cutOff, onlyEvent, open } from '../support/proxy.js';

const STREAM = { ...CHAT, stream: true };
/** 27 bytes of prompt; two pieces of text. */
const HALF = VLLM.events.slice(0, 3);
const HALF_USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

let tally: FakeTally;
let model: ModelServer;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
  model = await aModelServer(json({}));
  gateway = await aProxy(tally, model);
});

afterEach(async () => {
  await gateway.close();
  await model.close();
  await tally.stop();
});

async function restart(env: Record<string, string>, deps = {}): Promise<void> {
  await gateway.close();
  gateway = await aProxy(tally, model, { env, deps });
}

/** The events, once the only hold is released and the gateway has nothing more to say. */
async function charged(): Promise<unknown[]> {
  await tally.until(() => tally.released.length === 1);
  await gateway.close();
  expect(tally.released).toEqual([tally.reservations[0]?.id]);
  return tally.events;
}

describe('a server that fails', () => {
  it.each([400, 404, 413, 422, 429, 500, 503])(
    'with %i is passed on as it is, and not charged',
    async (status) => {
      const answer = '{"object":"error","message":"no","type":"BadRequestError","usage":{"prompt_tokens":5}}';
      model.answer = json(answer, status, { 'retry-after': '7', 'x-should-retry': 'false' });
      const got = await call(gateway, { body: STREAM });
      expect(got).toMatchObject({
        status,
        text: answer,
        headers: { 'retry-after': '7', 'x-should-retry': 'false' },
      });
      expect(await charged()).toEqual([]);
    },
  );

  it('with 200 and an error in place of an answer is not charged', async () => {
    model.answer = json({ error: { message: 'no', code: 400 } });
    await call(gateway);
    expect(await charged()).toEqual([]);
  });

  it('in the middle of a plain answer is not charged', async () => {
    model.answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6},', () =>
        setImmediate(() => response.socket?.resetAndDestroy()),
      );
    };
    await cutOff(await open(gateway));
    expect(await charged()).toEqual([]);
  });

  it.each([
    { what: 'that is not there', answer: null, status: 502, code: 'upstream_unavailable' },
    { what: 'that hangs up', answer: 'hang up', status: 502, code: 'upstream_unavailable' },
    { what: 'that redirects', answer: 302, status: 502, code: 'upstream_unavailable' },
    { what: 'that refuses the key of the gateway', answer: 401, status: 502, code: 'upstream_unavailable' },
  ])(
    '$what is a $status of the gateway without its address, key or reason',
    async ({ answer, status, code }) => {
      if (answer === null) await restart({ GATEWAY_UPSTREAM_URL: await aClosedPort() });
      model.answer = (response) => {
        if (answer === 'hang up') response.socket?.destroy();
        else
          response
            .writeHead(Number(answer), { location: 'http://10.0.0.1/' })
            .end('upstream-secret is wrong');
      };
      const got = await call(gateway);
      expect(got.status).toBe(status);
      expect(JSON.parse(got.text)).toEqual({
        error: { message: expect.any(String), type: 'server_error', param: null, code },
      });
      expect(got.text + JSON.stringify(got.headers)).not.toMatch(/127\.0\.0\.1|10\.0\.0\.1|upstream-secret/);
      expect(gateway.logLines.join('')).toContain('upstream failed');
      expect(await charged()).toEqual([]);
    },
  );

  it('that answers nothing in GATEWAY_UPSTREAM_TIMEOUT_SECONDS is a 504', async () => {
    await restart({ GATEWAY_UPSTREAM_TIMEOUT_SECONDS: '1' });
    model.answer = () => {};
    const got = await call(gateway);
    expect([got.status, JSON.parse(got.text).error.code]).toEqual([504, 'upstream_timeout']);
    expect(await charged()).toEqual([]);
  });

  it('that falls silent in a stream is cut after that time, and charged what came', async () => {
    await restart({ GATEWAY_UPSTREAM_TIMEOUT_SECONDS: '1' });
    model.answer = stalledStream(HALF);
    expect(await cutOff(await open(gateway, { body: STREAM }))).toBe(HALF.join(''));
    expect((await onlyEvent(tally, gateway)).data.usage).toEqual(HALF_USAGE);
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
