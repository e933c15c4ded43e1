/** Files that are read and compressed once and served from memory, because anybody may ask for them without a key. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';

export type StaticFile = {
  readonly type: string;
  readonly read: () => Buffer;
  /** The file as the build compressed it with Brotli, which would take too long while a request waits. */
  readonly readBrotli?: (() => Buffer) | undefined;
};

type Loaded = {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  /** The smallest first. */
  readonly compressed: readonly { readonly encoding: string; readonly bytes: Buffer }[];
};

export class StaticFiles {
  private readonly loaded = new Map<string, Loaded>();

  constructor(
    private readonly files: ReadonlyMap<string, StaticFile>,
    private readonly cacheControl: string,
  ) {}

  /** 404 where there is no such file, 304 where the caller has it. */
  send(name: string, request: FastifyRequest, reply: FastifyReply): Buffer | undefined {
    const file = this.load(name);
    if (file === null) {
      const path = request.url.split('?', 1)[0] ?? '';
      throw new TallyError('not_found', `Unknown request URL: ${request.method} ${path.slice(0, 256)}`);
    }
    void reply.headers({ etag: file.etag, 'cache-control': this.cacheControl, vary: 'accept-encoding' });
    if (isKnown(request.headers['if-none-match'], file.etag)) {
      void reply.code(304);
      return undefined;
    }
    void reply.header('content-type', file.type);
    const accepted = request.headers['accept-encoding'];
    const compressed = file.compressed.find(({ encoding }) => takes(accepted, encoding));
    if (compressed === undefined) return file.plain;
    void reply.header('content-encoding', compressed.encoding);
    return compressed.bytes;
  }

  private load(name: string): Loaded | null {
    const known = this.loaded.get(name);
    if (known !== undefined) return known;
    const file = this.files.get(name);
    if (file === undefined) return null;
    const plain = file.read();
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`;
    const compressed = [
      ...(file.readBrotli === undefined ? [] : [{ encoding: 'br', bytes: file.readBrotli() }]),
      { encoding: 'gzip', bytes: gzipSync(plain) },
    ];
    const loaded = { type: file.type, etag, plain, compressed };
    this.loaded.set(name, loaded);
    return loaded;
  }
}

/** A weak tag will do for a reader. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}

function takes(header: string | string[] | undefined, encoding: string): boolean {
  return String(header ?? '')
    .split(',')
    .map((each) => each.trim().toLowerCase())
    .some(
      (each) => each === encoding || (each.startsWith(`${encoding};`) && !/;\s*q=0(?:\.0*)?$/.test(each)),
    );
}
