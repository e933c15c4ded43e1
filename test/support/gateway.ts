/** A gateway in front of a real or a fake Tally, and the official client for it. */
import { APIError, OpenAI } from 'openai';
import { pino } from 'pino';
import { z } from 'zod';
import { loadConfig } from '../../packages/gateway/src/config.js';
import { startGateway, type Gateway, type GatewayDeps } from '../../packages/gateway/src/gateway.js';

export const CHAT_MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
export const EMBEDDINGS_MODEL = 'cw_BAAI_bge-m3';
export const CALLER_KEY = 'caller-secret-1';

export interface TestGateway extends Gateway {
  /** Each HTTP request that the official client has made, in order. */
  readonly requests: { status: number; headers: Headers }[];
  readonly logLines: string[];
  /** The log lines about requests. */
  answered(): Record<string, unknown>[];
  openai(options?: { apiKey?: string; project?: string | null; headers?: Record<string, string> }): OpenAI;
}

const logLine = z.looseObject({ msg: z.string() });

export async function aGateway(
  tally: { url: string; apiKey: string },
  overrides: { env?: Record<string, string>; deps?: Partial<GatewayDeps> } = {},
): Promise<TestGateway> {
  const config = loadConfig({
    GATEWAY_PORT: '0',
    TALLY_URL: tally.url,
    TALLY_API_KEY: tally.apiKey,
    GATEWAY_KEYS: `${CALLER_KEY}:entity1,caller-secret-2:entity2`,
    GATEWAY_ID: 'test-1',
    ...overrides.env,
  });
  const logLines: string[] = [];
  const logger = pino({}, { write: (line: string) => void logLines.push(line) });
  const gateway = await startGateway(config, { logger, now: () => new Date(), ...overrides.deps });
  const requests: TestGateway['requests'] = [];
  const countingFetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    requests.push({ status: response.status, headers: response.headers });
    return response;
  };
  return {
    ...gateway,
    requests,
    logLines,
    answered: () =>
      logLines.map((line) => logLine.parse(JSON.parse(line))).filter(({ msg }) => msg === 'answered'),
    openai: ({ apiKey = CALLER_KEY, project = null, headers = {} } = {}) =>
      new OpenAI({
        baseURL: `${gateway.url}/v1`,
        apiKey,
        project,
        defaultHeaders: headers,
        fetch: countingFetch,
        logLevel: 'off',
      }),
  };
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The official client's exception; anything else fails the test. */
export async function errorOf(call: Promise<unknown>): Promise<APIError> {
  const error: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  if (error instanceof APIError) return error;
  throw new Error('The API was expected to refuse', { cause: error });
}
