/** Serves the page: the plain files of packages/console, and Chart.js from node_modules. Nothing is built, and no other host is used. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Controller, Param, Res, StreamableFile } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { TallyError } from '../domain/errors.js';
import { Route } from './route.js';

const FOLDER = path.join(import.meta.dirname, '../../packages/console');
const CHARTS = 'chart.umd.min.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** The page may load from and call this host alone; nothing may frame it or run inside it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

const AssetPath = z.object({ file: z.string().max(64) });

@Controller()
@ApiExcludeController()
export class ConsoleController {
  /** Only files that are in the folder at the start are ever read, so no name leads out of it. */
  private readonly files = new Map([
    ...readdirSync(FOLDER).map((file) => [file, path.join(FOLDER, file)] as const),
    [CHARTS, path.join(path.dirname(createRequire(import.meta.url).resolve('chart.js')), CHARTS)] as const,
  ]);

  @Route('GET /dashboard', { scope: 'public', role: 'anyone', summary: 'The page' })
  page(@Res({ passthrough: true }) reply: FastifyReply): Promise<StreamableFile> {
    return this.send('index.html', reply);
  }

  @Route('GET /dashboard/:file', { scope: 'public', role: 'anyone', summary: 'A static file of the page' })
  asset(
    @Param({ schema: AssetPath }) { file }: { file: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    return this.send(file, reply);
  }

  private async send(file: string, reply: FastifyReply): Promise<StreamableFile> {
    const found = this.files.get(file);
    const type = TYPES[path.extname(file)];
    if (found === undefined || type === undefined) {
      throw new TallyError('not_found', `Unknown request URL: GET /dashboard/${file}`);
    }
    void reply.headers(HEADERS);
    return new StreamableFile(await readFile(found), { type });
  }
}
