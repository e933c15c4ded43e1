/** The API's document, and Swagger UI from node_modules to read it: no other host is used. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Controller, Header, Param, StreamableFile } from '@nestjs/common';
import { ApiExcludeController, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { TallyError } from '../domain/errors.js';
import { Route } from './route.js';

const require = createRequire(import.meta.url);

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

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

const AssetPath = z.object({ file: z.string().max(64) });

/** Makes the document from the finished app at the first request. */
export class ApiDocument {
  private made: OpenAPIObject | null = null;

  constructor(private readonly make: () => OpenAPIObject) {}

  get(): OpenAPIObject {
    return (this.made ??= this.make());
  }
}

@Controller()
@ApiExcludeController()
export class DocsController {
  constructor(private readonly document: ApiDocument) {}

  @Route('GET /openapi.json', { scope: 'public', role: 'anyone', summary: 'The OpenAPI document' })
  read(): OpenAPIObject {
    return this.document.get();
  }

  @Route('GET /docs', { scope: 'public', role: 'anyone', summary: 'Swagger UI for the OpenAPI document' })
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return PAGE;
  }

  @Route('GET /docs/:file', { scope: 'public', role: 'anyone', summary: 'A static file of the page' })
  async asset(@Param({ schema: AssetPath }) { file }: { file: string }): Promise<StreamableFile> {
    if (file === 'start.js')
      return new StreamableFile(Buffer.from(START), { type: 'text/javascript; charset=utf-8' });
    const type = ASSETS[file];
    if (type === undefined) throw new TallyError('not_found', `Unknown request URL: GET /docs/${file}`);
    return new StreamableFile(await readFile(require.resolve(`swagger-ui-dist/${file}`)), { type });
  }
}
