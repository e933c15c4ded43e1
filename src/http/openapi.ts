/** The API's document, made from the same zod schemas that parse the requests. */
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { ErrorBody } from './errors.schema.js';
import type { GatewayRoute } from './gateway-routes.js';
import { descriptionOf } from './route.js';
import { shownSchema } from './shown-schema.js';

const JSON_TYPE = 'application/json';

type Components = Record<string, object>;

export function describeApi(
  app: INestApplication,
  gatewayRoutes: readonly GatewayRoute<never>[],
): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Tally')
    .setDescription('Metering, credits and quotas of LLM usage. Money is a decimal string of US dollars.')
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer' })
    .build();
  const document = SwaggerModule.createDocument(app, about, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convert(schema, schemaType) : undefined,
  });
  const own = pathsOf(gatewayRoutes);
  Object.assign(document.paths, own.paths);
  document.components = {
    ...document.components,
    schemas: { ...own.schemas, ...document.components?.schemas },
  };
  return document;
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
  const text = JSON.stringify({ paths, schemas }).replaceAll('#/definitions/', '#/components/schemas/');
  return JSON.parse(text) as { paths: object; schemas: object };
}

/** The same operation that Nest's Swagger module makes of a Nest route. */
function operationOf(route: GatewayRoute<never>, components: Components): object {
  const { summary, operationId, params, body, answers, status = 200, headers = [] } = route;
  const { consumes = [JSON_TYPE] } = route;
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
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: inJson(body, 'input', consumes) } }),
    responses: {
      [status]: {
        description: summary,
        ...(answers === undefined ? {} : { content: inJson(answers, 'output') }),
      },
      default: { description: 'An error', content: inJson(ErrorBody, 'output') },
    },
    security: [{ bearer: [] }],
    tags: [operationId.split('.', 1)[0]],
  };
}

function parametersIn({ properties = {} }: { properties?: Record<string, object> }): object[] {
  return Object.entries(properties).map(([name, schema]) => ({ name, required: true, in: 'path', schema }));
}

/** A schema with an id becomes a component; one without an id stays inline. */
function convert(schema: z.ZodType, io: 'input' | 'output'): { schema: object; components: Components } {
  const options = { target: 'openapi-3.0', unrepresentable: 'any', io } as const;
  const { definitions, $schema: _, ...json } = z.toJSONSchema(shownSchema(schema), options);
  return { schema: json, components: Object(definitions ?? {}) };
}
