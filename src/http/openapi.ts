/** The API's document, made from the same zod schemas that parse the requests. */
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { VERSION } from '../platform/version.js';
import { convert } from './document-conversion.js';
import { ErrorResponses } from './document-errors.js';
import { showExample, withExample } from './document-examples.js';
import { withParameterExamples } from './document-parameters.js';
import { operationIdIn, pathsOf } from './document-gateway.js';
import { headerComponents, headersNamed } from './document-headers.js';
import { describedIn, type Described, type MediaType, type Operation } from './document-operation.js';
import { withPromises } from './document-schemas.js';
import { describedTags, operationIdOf, tagOf } from './document-tags.js';
import { webhooksOf, type EventBodies } from './document-webhooks.js';
import { ErrorBody } from './errors.schema.js';
import type { GatewayRoute } from './gateway-routes.js';

/** As package.json has it; the document's builder does not know the identifier. */
const LICENSE = { name: 'Apache License 2.0', identifier: 'Apache-2.0' };

export type DescribedToo = {
  /** Routes that Nest does not know. */
  readonly gatewayRoutes: readonly GatewayRoute<never>[];
  /** What webhooks are sent. */
  readonly events: EventBodies;
  /** Of denials: 429 or 402. */
  readonly quotaDeniedStatus: number;
  /** Examples of bodies that Nest's routes stream, by operation: good for some weeks from then on. */
  readonly examplesAt: Readonly<Record<string, (at: Date) => object>>;
  /** When the document is made: its examples are good for some weeks. */
  readonly at: Date;
};

export function describeApi(app: INestApplication, also: DescribedToo): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Tally')
    .setDescription('Metering, credits and quotas of LLM usage. Money is a decimal string of US dollars.')
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .addServer('/', 'The server that answered this document')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'API key' })
    .build();
  const document = SwaggerModule.createDocument(app, about, {
    operationIdFactory: operationIdOf,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convert(schema, schemaType) : undefined,
  });
  const own = pathsOf(also.gatewayRoutes, also.at);
  const paths = merged(own.paths, document.paths);
  const hot = new Set(also.gatewayRoutes.map(operationIdIn));
  const error = convert(ErrorBody, 'output');
  const sent = webhooksOf(also.events);
  const schemas = {
    ...own.schemas,
    ...error.components,
    ...sent.schemas,
    ...document.components?.schemas,
  };
  const operations = describedIn(paths, hot);
  const errors = new ErrorResponses(also);
  for (const described of operations) {
    const example = also.examplesAt[described.operation.operationId]?.(also.at);
    if (example !== undefined) showExample(described.operation, example);
    finish(described, { errors, schemas });
  }
  const create = operations.find(({ operation }) => operation.operationId === 'webhooks.create');
  Object.assign(create?.operation ?? {}, { callbacks: sent.callbacks });
  const finished = {
    ...document,
    info: { ...document.info, license: LICENSE },
    paths,
    webhooks: sent.webhooks,
    tags: describedTags(operations.map(({ operation }) => tagOf(operation.operationId))),
    components: {
      ...document.components,
      schemas,
      responses: errors.components,
      headers: headerComponents(),
    },
  };
  return withPromises(finished, schemas) as unknown as OpenAPIObject;
}

/** Paths that both have keep the verbs of both. */
function merged(some: object, others: object): Record<string, object> {
  const paths = { ...(some as Record<string, object>) };
  for (const [path, item] of Object.entries(others)) paths[path] = { ...paths[path], ...item };
  return paths;
}

/** What no route says by itself. */
function finish(
  described: Described,
  { errors, schemas }: { errors: ErrorResponses; schemas: Readonly<Record<string, object>> },
): void {
  const { operation } = described;
  operation.tags = [tagOf(operation.operationId)];
  // Said where no key is needed too: a reader cannot tell silence from something forgotten.
  operation.security ??= [];
  withExample(operation, schemas);
  withParameterExamples(described);
  errors.addTo(described);
  for (const response of Object.values(operation.responses)) {
    if (response['$ref'] === undefined) response['headers'] = headersOf(operation, response);
    const content = (response['content'] ?? {}) as Record<string, MediaType>;
    for (const [type, media] of Object.entries(content))
      if (type.startsWith('text/')) media.schema = { type: 'string' };
  }
}

function headersOf({ parameters = [] }: Operation, response: Record<string, unknown>): object {
  const repeats = parameters.some(({ name }) => name === 'Idempotency-Key');
  const names = ['X-Request-Id', ...(repeats ? ['Idempotent-Replayed'] : [])];
  return { ...headersNamed(names), ...(response['headers'] as object | undefined) };
}
