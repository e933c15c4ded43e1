/** Serves the page: the plain files of packages/console, and Chart.js from node_modules. Nothing is built, and no other host is used. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Controller, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Route } from './route.js';
import { StaticFiles, type StaticFile } from './static-files.js';

const FOLDER = path.join(import.meta.dirname, '../../packages/console');
const CHARTS = 'chart.umd.min.js';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
]);

/** The page may load from and call this host alone; nothing may frame it or run inside it. */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const AssetPath = z.object({ file: z.string().max(64) });
/** The page's address holds what it shows; only the page reads it. */
const PageQuery = z.looseObject({});

@Controller()
@ApiExcludeController()
export class ConsoleController {
  /** Only files that are in the folder at the start are ever read, so no name leads out of it. */
  private readonly files = new StaticFiles(
    new Map([
      ...readdirSync(FOLDER).flatMap((file) => fileAt(path.join(FOLDER, file))),
      ...fileAt(path.join(path.dirname(createRequire(import.meta.url).resolve('chart.js')), CHARTS)),
    ]),
    'no-cache',
  );

  @Route('GET /dashboard', { scope: 'public', role: 'anyone', summary: 'The page' })
  page(
    @Query({ schema: PageQuery }) _query: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    return this.files.send('index.html', request, reply.headers(PAGE_HEADERS));
  }

  @Route('GET /dashboard/:file', { scope: 'public', role: 'anyone', summary: 'A static file of the page' })
  asset(
    @Param({ schema: AssetPath }) { file }: { file: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    return this.files.send(file, request, reply.headers(PAGE_HEADERS));
  }
}

/** None where the page does not use files of the kind. */
function fileAt(place: string): [name: string, file: StaticFile][] {
  const type = TYPES.get(path.extname(place));
  return type === undefined ? [] : [[path.basename(place), { type, read: () => readFileSync(place) }]];
}
