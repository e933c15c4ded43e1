/** What the document says of schemas wherever they stand, beyond what zod makes of them. Pure. */

type Schema = Readonly<Record<string, unknown>>;

/** Values, not schemas. */
const DATA = new Set(['const', 'default', 'enum', 'example', 'examples', 'mapping', 'required']);

/** What they hold goes by names of ours, which may look like a keyword. */
const NAMED = new Set(['properties', 'responses', 'schemas', '$defs']);

/** A copy in which `change` has replaced every schema, the inner ones first. It is also called with what is none. */
function mapSchemas(node: unknown, change: (schema: Schema) => Schema): unknown {
  if (Array.isArray(node)) return node.map((each) => mapSchemas(each, change));
  if (typeof node !== 'object' || node === null) return node;
  return change(
    entriesMapped(node, (key, value) => {
      if (DATA.has(key)) return value;
      if (!NAMED.has(key) || typeof value !== 'object' || value === null) return mapSchemas(value, change);
      return entriesMapped(value, (_, each) => mapSchemas(each, change));
    }),
  );
}

function entriesMapped(node: object, change: (key: string, value: unknown) => unknown): Schema {
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(key, value)]));
}

/** A later release adds fields to answers, so a client that refuses what it does not know would break. */
export function opened(schema: unknown): unknown {
  return mapSchemas(schema, ({ additionalProperties, minimum, maximum, ...others }) => ({
    ...others,
    // That a number is exact in JavaScript is no rule of ours for answers.
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    ...(additionalProperties === undefined || additionalProperties === false ? {} : { additionalProperties }),
  }));
}

/** All of the document, once everything is in it. */
export function withPromises<T extends object>(document: T, schemas: Readonly<Record<string, unknown>>): T {
  const finished = (schema: Schema): Schema =>
    discriminated(modern(sized(constant(withMoney(referring(schema))))), schemas);
  return mapSchemas(document, finished) as T;
}

/** zod has its own place for components. */
function referring(schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  return { ...schema, $ref: $ref.replace('#/$defs/', '#/components/schemas/') };
}

/** Money, as domain/money.ts prints and reads it. An amount that a request sends is refused below 0 by the field's own rule. */
const MONEY = '^-?[0-9]{1,18}(\\.[0-9]{1,12})?$';

function withMoney(schema: Schema): Schema {
  const { properties } = schema;
  if (typeof properties !== 'object' || properties === null) return schema;
  return {
    ...schema,
    properties: entriesMapped(properties, (name, field) => (name.endsWith('_usd') ? asMoney(field) : field)),
  };
}

function asMoney(field: unknown): unknown {
  if (typeof field !== 'object' || field === null) return field;
  const schema = field as Schema;
  const { type, pattern, anyOf } = schema;
  const isText = type === 'string' || (Array.isArray(type) && type.includes('string'));
  if (isText && pattern === undefined && schema['const'] === undefined) return { ...schema, pattern: MONEY };
  return Array.isArray(anyOf) ? { ...schema, anyOf: anyOf.map(asMoney) } : schema;
}

/** Generators make a type with one value of an enum of one. */
function constant(schema: Schema): Schema {
  const { enum: values, ...others } = schema;
  return Array.isArray(values) && values.length === 1 ? { ...others, const: values[0] as unknown } : schema;
}

const INT32_MAX = 2 ** 31 - 1;

function sized(schema: Schema): Schema {
  const { type, maximum = Infinity, format } = schema;
  const isInteger = type === 'integer' || (Array.isArray(type) && type.includes('integer'));
  return isInteger && format === undefined && Number(maximum) > INT32_MAX
    ? { ...schema, format: 'int64' }
    : schema;
}

/** OpenAPI 3.1 has JSON Schema's `examples`. */
function modern(schema: Schema): Schema {
  const { example, ...others } = schema;
  const isSchema = ['type', 'anyOf', 'oneOf', 'allOf', '$ref', 'const', 'enum'].some((key) => key in schema);
  return isSchema && example !== undefined ? { ...others, examples: [example] } : schema;
}

/** What tells the members of a union apart. */
const TELLING = ['object', 'type', 'kind'];

function discriminated(schema: Schema, schemas: Readonly<Record<string, unknown>>): Schema {
  const { anyOf, oneOf = anyOf, ...others } = schema;
  if (!Array.isArray(oneOf) || oneOf.length < 2) return schema;
  const references = oneOf.map((member) => String((member as Schema)['$ref']));
  for (const propertyName of TELLING) {
    const told = references.map((reference) => valuesOf(reference, propertyName, schemas));
    const values = told.flat();
    if (told.some((each) => each.length === 0) || new Set(values).size < values.length) continue;
    const mapping = Object.fromEntries(
      references.flatMap((reference, at) => (told[at] ?? []).map((value) => [value, reference])),
    );
    return { ...others, oneOf, discriminator: { propertyName, mapping } };
  }
  return schema;
}

/** The values that a property of the schema can have; none where that is no short list. */
function valuesOf(reference: string, property: string, schemas: Readonly<Record<string, unknown>>): string[] {
  const named = (at: unknown) => schemas[String(at).split('/').at(-1) ?? ''] as Schema | undefined;
  const field = (named(reference)?.['properties'] as Record<string, Schema> | undefined)?.[property];
  const resolved = field?.['$ref'] === undefined ? field : named(field['$ref']);
  const values = resolved?.['enum'] ?? [resolved?.['const']];
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
}
