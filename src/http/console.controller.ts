/** Serves the console: the page that packages/console builds, at each of its addresses, and its files. No other host is used. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Controller, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TallyError } from '../domain/errors.js';
import { Route } from './route.js';
import { StaticFiles, type StaticFile } from './static-files.js';

const BUILT = path.join(import.meta.dirname, '../../packages/console/dist');
const PAGE = 'index.html';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
]);

/** The page may load from and call this host alone; nothing may frame it or run inside it. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The page's address holds what it shows; only the page reads it. */
const PageQuery = z.looseObject({});

@Controller()
@ApiExcludeController()
export class ConsoleController {
  /** Only files that are in the folders at the start are ever read, so no name leads out of them. */
  private readonly pages = new StaticFiles(filesIn(BUILT), 'no-cache');
  /** Their names hold a digest of their content, so a browser may keep them for ever. */
  private readonly assets = new StaticFiles(
    filesIn(path.join(BUILT, 'assets')),
    'public, max-age=31536000, immutable',
  );

  @Route('GET /dashboard', { scope: 'public', role: 'anyone', summary: 'The page' })
  page(
    @Query({ schema: PageQuery }) _query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    if (!existsSync(path.join(BUILT, PAGE)))
      throw new TallyError('not_found', 'The console is not built: run npm run build');
    return this.pages.send(PAGE, request, reply.headers(PAGE_HEADERS));
  }

  @Route('GET /dashboard/*', {
    scope: 'public',
    role: 'anyone',
    summary: 'An address of the page, or a file',
  })
  below(
    @Query({ schema: PageQuery }) query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    const name = (request.url.split('?', 1)[0] ?? '').slice('/dashboard/'.length);
    const [folder = '', ...rest] = name.split('/');
    if (folder === 'assets') return this.assets.send(rest.join('/'), request, reply.headers(PAGE_HEADERS));
    // Every file has a dot in its name; an address of the page has none in its first part, since a customer's name comes later.
    const isFile = rest.length === 0 && folder.includes('.');
    if (isFile) return this.pages.send(folder, request, reply.headers(PAGE_HEADERS));
    return this.page(query, request, reply);
  }
}

function filesIn(folder: string): Map<string, StaticFile> {
  if (!existsSync(folder)) return new Map();
  return new Map(readdirSync(folder).flatMap((file) => fileAt(folder, file)));
}

/** None where the page does not use files of the kind. */
function fileAt(folder: string, name: string): [name: string, file: StaticFile][] {
  const type = TYPES.get(path.extname(name));
  if (type === undefined) return [];
  const place = path.join(folder, name);
  const brotli = `${place}.br`;
  const readBrotli = existsSync(brotli) ? () => readFileSync(brotli) : undefined;
  return [[name, { type, read: () => readFileSync(place), readBrotli }]];
}
