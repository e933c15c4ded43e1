/** The API's document, made from the same zod schemas that parse the requests. */
import { readFileSync } from 'node:fs';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { errorResponses, withErrors, type Operation } from './document-errors.js';
import { opened, withPromises } from './document-schemas.js';
import { describedTags, operationIdOf, tagOf } from './document-tags.js';
import { ErrorBody } from './errors.schema.js';
import type { GatewayRoute } from './gateway-routes.js';
import { descriptionOf } from './route.js';
import { shownSchema } from './shown-schema.js';

const JSON_TYPE = 'application/json';

/** What package.json calls UNLICENSED, as an SPDX expression, which the document's builder does not know. */
const LICENSE = { name: 'All rights reserved', identifier: 'LicenseRef-Proprietary' };

type Components = Record<string, object>;

export function describeApi(
  app: INestApplication,
  gatewayRoutes: readonly GatewayRoute<never>[],
): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Tally')
    .setDescription('Metering, credits and quotas of LLM usage. Money is a decimal string of US dollars.')
    .setVersion(versionOf(new URL('../../package.json', import.meta.url)))
    .setOpenAPIVersion('3.1.0')
    .addServer('/', 'The server that answered this document')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'API key' })
    .build();
  const document = SwaggerModule.createDocument(app, about, {
    operationIdFactory: operationIdOf,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convert(schema, schemaType) : undefined,
  });
  const own = pathsOf(gatewayRoutes);
  Object.assign(document.paths, own.paths);
  document.components = {
    ...document.components,
    schemas: { ...own.schemas, ...document.components?.schemas },
  };
  return finished(document);
}

function versionOf(file: URL): string {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

const VERBS = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** What no route says by itself. */
function finished(document: OpenAPIObject): OpenAPIObject {
  const errors = errorResponses();
  const operations = Object.values(document.paths).flatMap((item) =>
    VERBS.flatMap((verb) => {
      const operation = (item as Partial<Record<string, Operation>>)[verb];
      return operation === undefined ? [] : [operation];
    }),
  );
  for (const operation of operations) {
    operation.tags = [operation.operationId.split('.', 1)[0] ?? ''];
    withErrors(operation, errors);
    // Said where no key is needed too: a reader cannot tell silence from something forgotten.
    operation.security ??= [];
  }
  const responses = Object.fromEntries([...errors].map(([status, response]) => [`Error${status}`, response]));
  return {
    ...document,
    info: { ...document.info, license: LICENSE },
    tags: describedTags(operations.flatMap(({ tags = [] }) => tags)),
    components: {
      ...document.components,
      responses: responses as NonNullable<OpenAPIObject['components']>['responses'],
      schemas: withPromises(document.components?.schemas) as NonNullable<
        OpenAPIObject['components']
      >['schemas'],
    },
  };
}

function pathsOf(routes: readonly GatewayRoute<never>[]): { paths: object; schemas: object } {
  const schemas: Components = {};
  const paths = Object.fromEntries(
    routes.map((route) => [
      route.path.replace(/:(\w+)/g, '{$1}'),
      { [route.method.toLowerCase()]: operationOf(route, schemas) },
    ]),
  );
  // zod has its own place for components.
  const text = JSON.stringify({ paths, schemas }).replaceAll('#/$defs/', '#/components/schemas/');
  return JSON.parse(text) as { paths: object; schemas: object };
}

/** The same operation that Nest's Swagger module makes of a Nest route. */
function operationOf(route: GatewayRoute<never>, components: Components): object {
  const { summary, params, body, answers, status = 200, headers = [] } = route;
  const { consumes = [JSON_TYPE] } = route;
  const [tag = '', method = ''] = route.operationId.split('.');
  const operationId = operationIdOf(tag, method);
  // One type for each body: generators make a method of each.
  const types = consumes.includes(JSON_TYPE) ? [JSON_TYPE] : consumes;
  const inJson = (
    schema: z.ZodType,
    io: 'input' | 'output',
    types: readonly string[] = [JSON_TYPE],
  ): object => {
    const converted = convert(schema, io);
    Object.assign(components, converted.components);
    return Object.fromEntries(types.map((type) => [type, { schema: converted.schema }]));
  };
  return {
    operationId,
    summary,
    description: descriptionOf(route),
    parameters: [
      ...(params === undefined ? [] : parametersIn(convert(params, 'input').schema)),
      ...headers.map((header) => ({ ...header, in: 'header', schema: { type: 'string' } })),
    ],
    ...(body === undefined ? {} : { requestBody: { required: true, content: inJson(body, 'input', types) } }),
    responses: {
      [status]: {
        description: summary,
        ...(answers === undefined ? {} : { content: inJson(answers, 'output') }),
      },
      ...(route.alsoStatus === undefined || answers === undefined
        ? {}
        : { [route.alsoStatus]: { description: summary, content: inJson(answers, 'output') } }),
      default: { description: 'An error', content: inJson(ErrorBody, 'output') },
    },
    security: [{ bearer: [] }],
    tags: [tagOf(tag)],
  };
}

function parametersIn({ properties = {} }: { properties?: Record<string, object> }): object[] {
  return Object.entries(properties).map(([name, schema]) => ({ name, required: true, in: 'path', schema }));
}

/** A schema with an id becomes a component; one without an id stays inline. */
function convert(schema: z.ZodType, io: 'input' | 'output'): { schema: object; components: Components } {
  const options = { target: 'draft-2020-12', unrepresentable: 'any', io } as const;
  const { $defs, $schema: _, ...json } = z.toJSONSchema(shownSchema(schema), options);
  const made = { schema: json as object, components: Object($defs ?? {}) as Components };
  return io === 'output' ? (opened(made) as typeof made) : made;
}
