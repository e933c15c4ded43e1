/** What browsers and other clients negotiate: compressed answers, and calls from pages of other origins. */
import compress from '@fastify/compress';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** Shorter answers fit into a packet or two. */
const COMPRESSED_BYTES_MIN = 2_048;

const PREFLIGHT_SECONDS = 600;

const SHOWN_HEADERS = [
  'x-request-id', 'etag', 'retry-after', 'retry-after-ms', 'x-should-retry', 'x-quota-limit', 'idempotent-replayed',
  'x-report-lag-seconds',
]; // prettier-ignore

export function equipForBrowsers(fastify: FastifyInstance, corsOrigins: readonly string[]): void {
  if (corsOrigins.length > 0) {
    const allowed = {
      origin: [...corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: SHOWN_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
      strictPreflight: false,
    };
    // Another OPTIONS asks for the methods alone.
    void fastify.register(cors, {
      delegator: ({ headers }, done) =>
        done(null, { ...allowed, preflight: headers['access-control-request-method'] !== undefined }),
    });
  }
  // gzip alone: it is quick, and every client has it. Bodies of requests stay uncompressed.
  void fastify.register(compress, {
    encodings: ['gzip'],
    threshold: COMPRESSED_BYTES_MIN,
    globalDecompression: false,
  });
}
