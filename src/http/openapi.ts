/** The API's document, made from the same zod schemas that parse the requests. */
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { documentedAs } from './documented-as.js';

export function describeApi(app: INestApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Tally')
    .setDescription('Metering, credits and quotas of LLM usage. Money is a decimal string of US dollars.')
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer' })
    .build();
  return SwaggerModule.createDocument(app, about, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
    standardSchemaConverter: (schema, { schemaType }) =>
      schema instanceof z.ZodType ? convert(schema, schemaType) : undefined,
  });
}

/** A schema with an id becomes a component; one without stays where it is used. */
function convert(
  schema: z.ZodType,
  io: 'input' | 'output',
): { schema: object; components: Record<string, object> } {
  const shown = documentedAs.get(schema) ?? schema;
  const options = { target: 'openapi-3.0', unrepresentable: 'any', io } as const;
  const { definitions, $schema: _, ...json } = z.toJSONSchema(shown, options);
  return { schema: json, components: Object(definitions ?? {}) };
}
