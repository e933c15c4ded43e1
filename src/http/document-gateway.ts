/** The operations of the gateway's routes, as Nest's Swagger module makes them of Nest's. */
import type { z } from 'zod';
import { convert, type Components } from './document-conversion.js';
import { operationIdOf } from './document-tags.js';
import type { GatewayRoute } from './gateway-routes.js';
import { answerHeadersOf, descriptionOf } from './route.js';

const JSON_TYPE = 'application/json';

export function pathsOf(
  routes: readonly GatewayRoute<never>[],
  at: Date,
): { paths: object; schemas: Components } {
  const schemas: Components = {};
  const paths: Record<string, object> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: operationOf(route, { components: schemas, at }),
    };
  }
  return { paths, schemas };
}

export function operationIdIn({ operationId }: GatewayRoute<never>): string {
  const [tag = '', method = ''] = operationId.split('.');
  return operationIdOf(tag, method);
}

function operationOf(
  route: GatewayRoute<never>,
  { components, at }: { components: Components; at: Date },
): object {
  const { summary, params, body, answers, status = 200, headers = [] } = route;
  const inJson = (schema: z.ZodType, io: 'input' | 'output'): Record<string, object> => {
    const converted = convert(schema, io);
    Object.assign(components, converted.components);
    return { [JSON_TYPE]: { schema: converted.schema } };
  };
  const sent = (schema: z.ZodType): object => {
    const { [JSON_TYPE]: media } = inJson(schema, 'input');
    return { [JSON_TYPE]: { ...media, ...(route.exampleAt && { example: route.exampleAt(at) }) } };
  };
  const answer = {
    description: summary,
    headers: answerHeadersOf(route),
    ...(answers === undefined ? {} : { content: inJson(answers, 'output') }),
  };
  return {
    operationId: operationIdIn(route),
    summary,
    description: descriptionOf(route),
    parameters: [
      ...(params === undefined ? [] : parametersIn(convert(params, 'input').schema)),
      ...headers.map(({ example, pattern, ...header }) => ({
        ...header,
        in: 'header',
        schema: { type: 'string', pattern: pattern.source },
        ...(example === undefined ? {} : { example }),
      })),
    ],
    // One type for each body: generators make a method of each.
    ...(body === undefined ? {} : { requestBody: { required: true, content: sent(body) } }),
    responses: {
      [status]: answer,
      ...(route.alsoStatus === undefined ? {} : { [route.alsoStatus]: answer }),
    },
    security: [{ bearer: [] }],
  };
}

function parametersIn({ properties = {} }: { properties?: Record<string, object> }): object[] {
  return Object.entries(properties).map(([name, schema]) => ({ name, required: true, in: 'path', schema }));
}
