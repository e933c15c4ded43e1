/** One example of each body, which works as it is sent: it stands beside the schema, or beside the route where the schema is a union. */
import type { MediaType, Operation } from './document-operation.js';

type Schemas = Readonly<Record<string, object>>;
type Schema = Record<string, unknown>;

/** Moves the example of the body's schema to where tools look for it, and says whether the body may be left out: where it may be null. */
export function withExample(operation: Operation, schemas: Schemas): void {
  const { requestBody } = operation;
  if (requestBody === undefined) return;
  for (const media of Object.values(requestBody.content)) {
    if (withoutNull(media.schema) !== null) requestBody.required = false;
    const example = media.example ?? exampleOf(media, schemas);
    if (example !== undefined) media.example = example;
  }
  if (Object.values(requestBody.content).every((media) => isEmpty(media, schemas)))
    delete operation.requestBody;
}

/** For each type that the body may have. */
export function showExample({ requestBody }: Operation, example: object): void {
  for (const media of Object.values(requestBody?.content ?? {})) media.example = example;
}

/** The schema of a body that may be null, which zod writes as `anyOf` of that schema and null. Null for every other schema. */
function withoutNull(schema: Schema | undefined): Schema | null {
  const anyOf = schema?.['anyOf'];
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return null;
  const [kept, nothing] = anyOf as Schema[];
  return nothing?.['type'] === 'null' && kept !== undefined ? kept : null;
}

function exampleOf(media: MediaType, schemas: Schemas): unknown {
  return resolved(media, schemas)?.['example'];
}

function resolved({ schema }: MediaType, schemas: Schemas): Schema | undefined {
  const body = withoutNull(schema) ?? schema;
  const name = typeof body?.['$ref'] === 'string' ? body['$ref'].split('/').at(-1) : undefined;
  return name === undefined ? body : (schemas[name] as Schema | undefined);
}

/** A body that can say nothing need not be sent. */
function isEmpty(media: MediaType, schemas: Schemas): boolean {
  const { properties, additionalProperties } = resolved(media, schemas) ?? {};
  return additionalProperties === false && Object.keys(Object(properties)).length === 0;
}
