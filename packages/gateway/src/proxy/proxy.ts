/** The metering reverse proxy: holds what a request may cost, passes it to a model server and the answer back, and reports what it used. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { TallyClientError } from '@tally/client';
import type { Caller } from '../callers.js';
import type { Metered, MeteredCall, Metering } from '../metering.js';
import { badRequest, callerGone, modelNotFound } from '../openai-error.js';
import { chargeOf } from './charge.js';
import { ENDPOINTS, type Endpoint } from './endpoints.js';
import { Passage, type PassageEnd, type PassageOptions } from './passage.js';
import { toUpstream } from './passed-headers.js';
import { readRequest, type ReadRequest } from './request-reading.js';
import type { Upstream, Upstreams } from './upstreams.js';

export interface ProxyOptions {
  readonly upstreams: Upstreams;
  readonly metering: Metering;
  readonly logger: Logger;
  readonly bodyBytesMax: number;
  /** Whether a caller that hangs up ends the server's work. */
  readonly stopsWithCaller: boolean;
  readonly chargesCutStreams: boolean;
}

export class Proxy {
  private readonly options: ProxyOptions;
  private readonly passages = new Set<Passage>();

  constructor(options: ProxyOptions) {
    this.options = options;
  }

  /** Below `/v1`. Bodies are taken as bytes of any type. */
  routes(v1: FastifyInstance): void {
    v1.removeAllContentTypeParsers();
    v1.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const { bodyBytesMax: bodyLimit } = this.options;
    for (const endpoint of ENDPOINTS)
      v1.post(endpoint.path, { bodyLimit }, (request, reply) => this.pass(endpoint, request, reply));
    v1.get('/models', (request, reply) => this.models(request, reply));
    v1.get('/models/*', (request, reply) => this.models(request, reply));
  }

  /** Ends what is still running: it is charged for what has come. */
  stop(): void {
    for (const passage of this.passages) passage.stop();
  }

  close(): Promise<void> {
    return this.options.upstreams.close();
  }

  private async pass(
    endpoint: Endpoint,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const read = await readRequest(endpoint, request.headers, bytes);
    const upstream = this.options.upstreams.of(read.model);
    if (upstream === null) throw modelNotFound(read.model);
    const call = callOf(endpoint, request, read);
    try {
      await this.options.metering.run(call, () => this.forward({ endpoint, read, upstream, request, reply }));
    } catch (error) {
      throw isCallersFault(error) ? refusalFor(error, read) : error;
    }
    return reply;
  }

  private async forward(task: Task): Promise<Metered<void>> {
    const { endpoint, read, reply } = task;
    if (reply.raw.destroyed) throw callerGone();
    const { chargesCutStreams, stopsWithCaller, logger } = this.options;
    const end = await this.run({
      ...passageOf(task, {
        method: 'POST',
        hidesUsage: read.hidesUsage,
        path: `/v1${endpoint.path}${queryOf(task)}`,
      }),
      bytes: read.bytes,
      // What writes no tokens is soon done, and only its end tells what it used.
      stopsWithCaller: stopsWithCaller && endpoint.generates,
    });
    const charge = chargeOf(end, { endpoint, input: read.input, chargesCutStreams });
    if (end.how === 'cut')
      logger.warn({ request_id: task.request.id, model: read.model }, 'upstream cut its answer');
    return { answer: undefined, ...charge };
  }

  private async run(options: PassageOptions): Promise<PassageEnd> {
    const passage = new Passage(options);
    this.passages.add(passage);
    try {
      return await passage.run();
    } finally {
      this.passages.delete(passage);
    }
  }

  /** What the operator listed, or what the server of all models says. It costs nothing. */
  private async models(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const id = idIn(request);
    const { upstreams } = this.options;
    const { only: upstream, models } = upstreams;
    if (upstream === null) return listed(models ?? [], id);
    const path = id === null ? '/v1/models' : `/v1/models/${encodeURIComponent(id)}`;
    const task = { upstream, request, reply };
    await this.run({
      ...passageOf(task, { method: 'GET', hidesUsage: false, path }),
      bytes: null,
      stopsWithCaller: true,
    });
    return reply;
  }
}

type Task = {
  readonly endpoint: Endpoint;
  readonly read: ReadRequest;
  readonly upstream: Upstream;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

function passageOf(
  { upstream, request, reply }: Pick<Task, 'upstream' | 'request' | 'reply'>,
  { method, hidesUsage, path }: { method: 'GET' | 'POST'; hidesUsage: boolean; path: string },
): Omit<PassageOptions, 'bytes' | 'stopsWithCaller'> {
  const { id: requestId, trace } = request;
  return {
    upstream,
    path,
    method,
    headers: toUpstream(request.headers, { key: upstream.key, requestId, trace, takesGzip: !hidesUsage }),
    requestId,
    hidesUsage,
    response: reply.raw,
    begin: (status, headers) => {
      reply.hijack();
      reply.raw.writeHead(status, headers);
    },
  };
}

/** The path is the endpoint's own, however the caller spelled it; the query is the caller's. */
function queryOf({ request: { url } }: Task): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}

function callOf(endpoint: Endpoint, request: FastifyRequest, read: ReadRequest): MeteredCall {
  const { model, userId, serviceTier, inputBytes, inputCount, outputCount, maxOutputTokens } = read;
  return {
    ...callerOf(request),
    operation: endpoint.operation,
    // The server's ids repeat, and a caller could choose its own.
    eventId: request.id,
    requestId: request.id,
    trace: request.trace,
    model,
    userId,
    serviceTier,
    inputBytes,
    inputCount,
    outputCount,
    maxOutputTokens,
  };
}

function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('The hook that authenticates did not run');
  return caller;
}

/** What a caller chose of a reservation. Anything else that Tally refuses is the gateway's own fault. */
const CHOSEN = new Set([
  'model',
  'max_output_tokens',
  'output_count',
  'input_tokens',
  'input_bytes',
  'input_count',
]);

function isCallersFault(error: unknown): error is TallyClientError & { param: string } {
  return (
    error instanceof TallyClientError &&
    (error.status === 400 || error.status === 422) &&
    error.param !== null &&
    CHOSEN.has(error.param)
  );
}

/** Names the parameter as the caller did. */
function refusalFor({ param, message }: TallyClientError & { param: string }, read: ReadRequest) {
  const own = { model: 'model', max_output_tokens: read.limitParam ?? param, output_count: 'n' }[param];
  return badRequest(message, { ...(own !== undefined && { param: own }), code: 'invalid_value' });
}

/** Refuses `.` and `..`, which would become another path of the server. */
function idIn(request: FastifyRequest): string | null {
  const { '*': id = null } = request.params as { '*'?: string };
  if (id === null) return null;
  if (id === '' || id.split('/').some((part) => part === '.' || part === '..')) throw modelNotFound(id);
  return id;
}

function listed(models: readonly string[], id: string | null): unknown {
  const one = (model: string) => ({ id: model, object: 'model', created: 0, owned_by: 'organization' });
  if (id === null) return { object: 'list', data: models.map(one) };
  if (!models.includes(id)) throw modelNotFound(id);
  return one(id);
}
