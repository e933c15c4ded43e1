/** Values that a schema of the document takes, and some that it does not. */
import fc from 'fast-check';
import type { ApiDocument, Schema } from './api-document.js';
import { resolved } from './input-schemas.js';

/** A few values, the same ones for the same seed: bounds, the longest texts, and random ones. */
export function valuesOf(document: ApiDocument, schema: Schema, seed: number): unknown[] {
  const drawn = fc.sample(arbitraryOf(document, schema), { numRuns: 4, seed });
  return [...boundsOf(document, schema), ...drawn];
}

/** Values just outside. */
export function strangersTo(document: ApiDocument, given: Schema): unknown[] {
  const schema = resolved(document, given);
  if (schema.anyOf !== undefined) return ['', 'neither'];
  if (schema.enum !== undefined || schema.const !== undefined) return ['', 'none of them'];
  switch (schema.type) {
    case 'integer':
      return ['', 'x', '1.5', (schema.minimum ?? 0) - 1, (schema.maximum ?? 0) + 1];
    case 'boolean':
      return ['', '1', 'yes', 'True'];
    case 'array':
      return strangersTo(document, schema.items ?? {});
    default:
      return ['', `${'x'.repeat(schema.maxLength ?? 1_000)}x`, 'a\u0000b'];
  }
}

function boundsOf(document: ApiDocument, given: Schema): unknown[] {
  const schema = resolved(document, given);
  const { minimum, maximum, maxLength, pattern = '' } = schema;
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((each) => boundsOf(document, each));
  if (schema.enum !== undefined) return [...schema.enum];
  if (schema.const !== undefined) return [schema.const];
  if (schema.type === 'boolean') return [true, false];
  if (schema.type !== 'string') return [minimum, maximum].filter((bound) => bound !== undefined);
  const longest = ['x', '7', '😀'].map((character) => character.repeat(maxLength ?? 0));
  return longest.filter((text) => text !== '' && new RegExp(pattern, 'u').test(text));
}

function arbitraryOf(document: ApiDocument, given: Schema): fc.Arbitrary<unknown> {
  const schema = resolved(document, given);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => arbitraryOf(document, each)));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 0 });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return arrayOf(schema, arbitraryOf(document, schema.items ?? {}));
    case 'string':
      return textOf(schema);
    default:
      throw new Error(`a parameter of type ${JSON.stringify(schema.type)}`);
  }
}

function arrayOf({ minItems = 1, maxItems = 3, uniqueItems = false }: Schema, item: fc.Arbitrary<unknown>) {
  const lengths = { minLength: Math.max(minItems, 1), maxLength: Math.min(maxItems, 3) };
  return uniqueItems ? fc.uniqueArray(item, lengths) : fc.array(item, lengths);
}

function textOf({ pattern, minLength = 0, maxLength = Infinity }: Schema): fc.Arbitrary<string> {
  const texts =
    pattern === undefined ? fc.string({ minLength }) : fc.stringMatching(new RegExp(pattern, 'u'));
  const fits = (text: string) => {
    const length = Array.from(text).length;
    return text.isWellFormed() && length >= minLength && length <= maxLength;
  };
  return texts.filter(fits);
}
