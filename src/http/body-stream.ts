/**
 * Bodies that a route reads as they arrive, because they are too large to be parsed at once. The key is checked before the first byte is
 * read.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';

/** Fastify chooses the parser by the content type alone. */
const STREAMED_TYPE = 'application/vnd.tally.streamed';

/** A route that is marked gets the stream for each of the types, and for those that it names itself. */
export function equipBodyStreams(fastify: FastifyInstance, types: readonly string[]): void {
  fastify.addHook('onRequest', (request, _, done) => {
    if (isStreamed(request)) request.headers['content-type'] = streamedTypeOf(request, types);
    done();
  });
  fastify.addContentTypeParser(STREAMED_TYPE, (request, body, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (!isStreamed(request)) done(unsupported('The content type is not supported'));
    else if (encoding !== 'identity') done(unsupported('The request body must not be compressed'));
    else done(null, body);
  });
}

function streamedTypeOf(request: FastifyRequest, types: readonly string[]): string | undefined {
  const given = request.headers['content-type'];
  const type = given?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const { alsoConsumes = [] } = request.routeOptions.config;
  const isOurs = types.includes(type) || alsoConsumes.includes(type);
  return isOurs ? STREAMED_TYPE : given;
}

function isStreamed({ routeOptions }: FastifyRequest): boolean {
  // Of an unknown URL there is none.
  return (routeOptions.config as Partial<FastifyContextConfig> | undefined)?.streamsBody === true;
}

function unsupported(message: string): TallyError {
  return new TallyError('unsupported_media_type', message);
}

/** What a route that streams its body is given. */
export type StreamedBody = {
  /** To be read once, to its end or not. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** SHA-256 of what has been read, in hex. */
  digest(): string;
};

export const BodyStream = createParamDecorator((_: unknown, context: ExecutionContext): StreamedBody => {
  const { body } = context.switchToHttp().getRequest<FastifyRequest>();
  const hash = createHash('sha256');
  const stream = body instanceof Readable ? body : Readable.from([]);
  return { chunks: chunksOf(stream, (chunk) => hash.update(chunk)), digest: () => hash.digest('hex') };
});

async function* chunksOf(stream: Readable, note: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  try {
    // The connection is needed for the answer, also where the rest is not read.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      note(chunk);
      yield chunk;
    }
  } finally {
    stream.resume();
  }
}
