/** The reference gateway: an OpenAI-compatible API in front of model servers or a canned model, metered by Tally. */
import { randomUUID } from 'node:crypto';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Logger } from 'pino';
import type { TraceContext } from '@tally/client';
import type { CallerKeys } from './caller-keys.js';
import { identify, type Caller } from './callers.js';
import { embeddingsTokens, ModelOverloaded, promptTokens, type CannedModel } from './canned-model.js';
import { answerChat } from './chat.js';
import type { GatewayConfig } from './config.js';
import type { MeteredCall, Metering } from './metering.js';
import { listModels } from './models.js';
import {
  badRequest,
  OpenAiError,
  overloaded,
  QuotaDenied,
  serverError,
  upstreamFailed,
} from './openai-error.js';
import { UpstreamFailure } from './proxy/passage.js';
import type { Proxy } from './proxy/proxy.js';
import { readChatBody, readEmbeddingsBody } from './request-body.js';
import { traceIdOf, traceOf } from './traces.js';

export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly keys: CallerKeys;
  readonly model: CannedModel;
  /** Null: the canned model answers. */
  readonly proxy: Proxy | null;
  readonly metering: Metering;
  readonly now: () => Date;
  readonly logger: Logger;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    trace: TraceContext;
  }
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** For all of a request to arrive. */
const REQUEST_MS_MAX = 300_000;

export function buildServer(parts: GatewayParts): FastifyInstance {
  const logger: FastifyBaseLogger = parts.logger;
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    genReqId: () => `req_${randomUUID().replaceAll('-', '')}`,
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    // Requests that arrive on an open connection while the gateway stops are served, not refused.
    return503OnClosing: false,
  });
  server.decorateRequest('caller', null);
  server.decorateRequest('trace');
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    request.trace = traceOf(request.headers, parts.config);
    // Fastify's own hook does not run for a caller that hung up.
    reply.raw.once('close', () => logAnswer(parts.logger, request, reply));
  });
  server.setErrorHandler(async (error, request, reply) => answerError(error, request, reply));
  server.setNotFoundHandler(async (request) => {
    const path = request.url.split('?')[0];
    throw badRequest(`Unknown request URL: ${request.method} ${path}`, { status: 404, code: 'unknown_url' });
  });
  server.get('/livez', () => ({ status: 'ok' }));
  void server.register(async (v1) => routes(v1, parts), { prefix: '/v1' });
  return server;
}

function routes(v1: FastifyInstance, parts: GatewayParts): void {
  v1.addHook('onRequest', async (request) => {
    const { keys, config } = parts;
    request.caller = await identify(request.headers, { keys, blockedCountries: config.blockedCountries });
  });
  if (parts.proxy !== null) {
    parts.proxy.routes(v1);
    return;
  }
  v1.get('/models', () => listModels());
  v1.post('/chat/completions', (request, reply) => chatCompletion(parts, request, reply));
  v1.post('/embeddings', (request) => embeddings(parts, request));
}

/** Like every route, after the hook that authenticates: validate, hold, run the model, answer, report. */
async function chatCompletion(parts: GatewayParts, request: FastifyRequest, reply: FastifyReply) {
  const body = readChatBody(request.body);
  const call = {
    ...callOf(request, body),
    operation: 'chat' as const,
    eventId: request.id.replace('req_', 'chatcmpl-'),
    inputTokens: promptTokens(body),
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
  };
  const createdSeconds = Math.floor(parts.now().getTime() / 1000);
  return answerChat({ id: call.eventId, createdSeconds, body }, { ...parts, call, reply });
}

async function embeddings({ metering, model }: GatewayParts, request: FastifyRequest) {
  const body = readEmbeddingsBody(request.body);
  const call: MeteredCall = {
    ...callOf(request, body),
    operation: 'embeddings',
    eventId: request.id.replace('req_', 'embd-'),
    inputTokens: embeddingsTokens(body),
    maxOutputTokens: 0,
  };
  return metering.run(call, async () => {
    const answer = await model.embed(body);
    return { answer, usage: answer.usage, usageSource: 'reported' };
  });
}

function callOf(request: FastifyRequest, body: { model: string; user?: string | undefined }) {
  if (request.caller === null) throw new Error('The hook that authenticates did not run');
  const { caller, id: requestId, trace } = request;
  return { ...caller, requestId, trace, model: body.model, userId: body.user };
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof QuotaDenied) {
    const { status, headers, body, cause } = error.denial;
    if (cause !== undefined) request.log.error({ err: cause }, 'Tally cannot decide');
    return reply
      .code(status)
      .headers({ ...headers, 'x-request-id': request.id })
      .send(body);
  }
  const answer = openAiErrorOf(error);
  if (error instanceof UpstreamFailure) request.log.error({ err: error }, 'upstream failed');
  else if (answer.facts.status === 500) request.log.error({ err: error }, 'request failed');
  return reply
    .code(answer.facts.status)
    .headers(answer.facts.headers ?? {})
    .send(answer.body);
}

function openAiErrorOf(error: unknown): OpenAiError {
  if (error instanceof OpenAiError) return error;
  if (error instanceof ModelOverloaded) return overloaded();
  if (error instanceof UpstreamFailure) return upstreamFailed(error.isTimeout);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  // Fastify's own errors about the request: not JSON, too large.
  if (error instanceof Error && status >= 400 && status < 500) return badRequest(error.message, { status });
  return serverError();
}

/** One line per request, without bodies and without keys. */
function logAnswer(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const line = {
    request_id: request.id,
    trace_id: traceIdOf(request.trace),
    method: request.method,
    route: request.routeOptions.url ?? null,
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    project: request.caller?.project ?? null,
    api_key_id: request.caller?.apiKeyId ?? null,
    limit: reply.getHeader('x-quota-limit') ?? null,
    hung_up: !reply.raw.writableFinished,
  };
  logger.info(line, 'answered');
}
