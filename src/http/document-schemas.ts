/** What the document says of fields whose names are a promise, wherever they stand. */

type Schema = Record<string, unknown>;

/** Money, as domain/money.ts prints and reads it. */
const MONEY = '^-?[0-9]{1,18}(\\.[0-9]{1,12})?$';

/** An amount that a request sends is refused below 0 by the field's own rule. */
export function withPromises(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withPromises);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    key === 'properties' && typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value).map(([name, field]) => [name, promised(name, withPromises(field))]),
        )
      : withPromises(value),
  ]);
  return Object.fromEntries(entries) as Schema;
}

function promised(name: string, field: unknown): unknown {
  if (!name.endsWith('_usd') || typeof field !== 'object' || field === null) return field;
  const schema = field as Schema;
  if (schema['type'] === 'string' && schema['pattern'] === undefined) return { ...schema, pattern: MONEY };
  const { anyOf } = schema;
  return Array.isArray(anyOf) ? { ...schema, anyOf: anyOf.map((each) => promised(name, each)) } : schema;
}

/** A later release adds fields to answers, so a client that refuses what it does not know would break. */
export function opened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(opened);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => key !== 'additionalProperties' || value !== false)
      .map(([key, value]) => [key, opened(value)]),
  );
}
