/** The API's document, and Swagger UI from node_modules to read it: no other host is used. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Controller, Header, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Clock } from '../platform/clock.js';
import { Route } from './route.js';
import { StaticFiles, type StaticFile } from './static-files.js';

const require = createRequire(import.meta.url);

const SCRIPT = 'text/javascript; charset=utf-8';

const START = `window.addEventListener('load', () => {
  window.SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true });
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tally API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</head>
<body><div id="page"></div></body>
</html>
`;

const ASSETS = new Map<string, StaticFile>([
  ['swagger-ui.css', { type: 'text/css; charset=utf-8', read: () => ofSwaggerUi('swagger-ui.css') }],
  ['swagger-ui-bundle.js', { type: SCRIPT, read: () => ofSwaggerUi('swagger-ui-bundle.js') }],
  ['start.js', { type: SCRIPT, read: () => Buffer.from(START) }],
]);

function ofSwaggerUi(file: string): Buffer {
  return readFileSync(require.resolve(`swagger-ui-dist/${file}`));
}

const AssetPath = z.object({ file: z.string().max(64) });

const WEEK_MS = 7 * 86_400_000;

/** The document as bytes, made from the finished app at the first request of a week: an example of usage may be 35 days old. */
export class ApiDocument {
  private made: { readonly week: number; readonly files: StaticFiles } | null = null;

  constructor(
    private readonly make: (at: Date) => OpenAPIObject,
    private readonly clock: Clock,
  ) {}

  get files(): StaticFiles {
    const at = this.clock.now();
    const week = Math.floor(at.getTime() / WEEK_MS);
    if (this.made?.week === week) return this.made.files;
    const read = () => Buffer.from(JSON.stringify(this.make(at)));
    const file = { type: 'application/json; charset=utf-8', read };
    const files = new StaticFiles(new Map([['openapi.json', file]]), 'no-cache');
    this.made = { week, files };
    return files;
  }
}

@Controller()
@ApiExcludeController()
export class DocsController {
  /** The names stay the same from release to release, so a browser asks again after an hour. */
  private readonly assets = new StaticFiles(ASSETS, 'public, max-age=3600');

  constructor(private readonly document: ApiDocument) {}

  @Route('GET /openapi.json', { scope: 'public', role: 'anyone', summary: 'The OpenAPI document' })
  read(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Buffer | undefined {
    return this.document.files.send('openapi.json', request, reply);
  }

  @Route('GET /docs', { scope: 'public', role: 'anyone', summary: 'Swagger UI for the OpenAPI document' })
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('cache-control', 'public, max-age=3600')
  page(): string {
    return PAGE;
  }

  @Route('GET /docs/:file', { scope: 'public', role: 'anyone', summary: 'A static file of the page' })
  asset(
    @Param({ schema: AssetPath }) { file }: { file: string },
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Buffer | undefined {
    return this.assets.send(file, request, reply);
  }
}
