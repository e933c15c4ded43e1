/** A gateway in front of a model server, and calls through it that show every byte. */
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { aFakeTally, type FakeTally } from './fake-tally.js';
import { aGateway, CALLER_KEY, type TestGateway } from './gateway.js';
import type { GatewayDeps } from '../../packages/gateway/src/gateway.js';
import { VLLM } from './model-answers.js';
import { aModelServer, json, type Answer, type ModelServer } from './model-server.js';

export const UPSTREAM_KEY = 'upstream-secret';

export function aProxy(
  tally: { url: string; apiKey: string },
  model: Pick<ModelServer, 'url'>,
  { env = {}, deps = {} }: { env?: Record<string, string>; deps?: Partial<GatewayDeps> } = {},
): Promise<TestGateway> {
  return aGateway(tally, {
    env: { GATEWAY_UPSTREAM_URL: model.url, GATEWAY_UPSTREAM_KEY: UPSTREAM_KEY, ...env },
    deps,
  });
}

export type Got = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
};

export type Sent = {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Sent as JSON; a string or bytes are sent as they are. */
  readonly body?: unknown;
};

/** Resolves when the answer's headers are there. */
export async function open(
  gateway: { url: string },
  { path = '/v1/chat/completions', method = 'POST', headers = {}, body = CHAT }: Sent = {},
): Promise<IncomingMessage> {
  const sending = request(`${gateway.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${CALLER_KEY}`,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
      ...headers,
    },
    agent: false,
  });
  sending.on('error', () => {});
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  sending.end(method === 'GET' ? undefined : isRaw ? body : JSON.stringify(body));
  const [response] = (await once(sending, 'response')) as [IncomingMessage];
  return response;
}

/** The whole answer. */
export async function call(gateway: { url: string }, sent: Sent = {}): Promise<Got> {
  const response = await open(gateway, sent);
  const body = await buffer(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body, text: body.toString() };
}

/** Resolves when this much of an answer has come. */
export async function untilCame(response: IncomingMessage, expected: string): Promise<void> {
  let length = 0;
  const whole = new Promise<void>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length >= Buffer.byteLength(expected)) resolve();
    });
  });
  await whole;
}

/** What came of an answer before it broke off; fails where it is whole. */
export async function cutOff(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  const broken = await new Promise<boolean>((resolve) => {
    response.once('close', () => resolve(!response.complete));
    response.once('error', () => resolve(true));
  });
  if (!broken) throw new Error('The answer was expected to break off');
  return Buffer.concat(chunks).toString();
}

export const CHAT = { model: 'm', messages: [{ role: 'user', content: 'What does a token cost?' }] };
export const STREAM = { ...CHAT, stream: true };

/** Of a stream to STREAM, with 27 bytes of prompt: two pieces of text, and what they are estimated at. */
export const HALF = VLLM.events.slice(0, 3);
export const HALF_USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

/** The only event that Tally has got, once it has one and the gateway has nothing more to say. */
export async function onlyEvent(tally: FakeTally, gateway: TestGateway) {
  await tally.until(() => tally.events.length > 0);
  await gateway.close();
  const [event, ...others] = tally.events;
  if (event === undefined || others.length > 0) throw new Error(`${tally.events.length} events`);
  return event;
}

/** What tests of the gateway begin with: a fake Tally, a model server, and a gateway before it. */
export interface ProxyWorld {
  readonly tally: FakeTally;
  readonly model: ModelServer;
  gateway: TestGateway;
}

/** The server answers nothing of note unless a test says what. */
export async function aProxyWorld(answer: Answer = json({})): Promise<ProxyWorld> {
  const tally = await aFakeTally();
  const model = await aModelServer(answer);
  return { tally, model, gateway: await aProxy(tally, model) };
}

export async function closeWorld({ tally, model, gateway }: ProxyWorld): Promise<void> {
  await gateway.close();
  await model.close();
  await tally.stop();
}

/** The same gateway with other settings. */
export async function restart(world: ProxyWorld, env: Record<string, string>, deps = {}): Promise<void> {
  await world.gateway.close();
  world.gateway = await aProxy(world.tally, world.model, { env, deps });
}

/** The events, once the only hold is released and the gateway has nothing more to say. */
export async function charged({ tally, gateway }: ProxyWorld): Promise<unknown[]> {
  await tally.until(() => tally.released.length === 1);
  await gateway.close();
  const held = tally.reservations[0]?.id;
  if (tally.released.length !== 1 || tally.released[0] !== held)
    throw new Error(`Released ${tally.released.join()}, not only ${held}`);
  return tally.events;
}
