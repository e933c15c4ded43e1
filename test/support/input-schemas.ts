/** Schemas of the API's document with all that stands within them. */
import type { ApiDocument, Schema } from './api-document.js';

export function resolved(document: ApiDocument, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  const found = name === undefined ? schema : document.components.schemas[name];
  if (found === undefined) throw new Error(`${schema.$ref} is not in the document`);
  return found;
}

/** Every schema within this one, with the place where it stands; components once. */
export function withinSchema(
  document: ApiDocument,
  root: Schema,
  at: string,
): [at: string, schema: Schema][] {
  const seen = new Set<Schema>();
  const look = (given: Schema, place: string): [string, Schema][] => {
    const schema = resolved(document, given);
    if (seen.has(schema)) return [];
    seen.add(schema);
    const { items, additionalProperties, properties = {} } = schema;
    const more = typeof additionalProperties === 'object' ? additionalProperties : undefined;
    const below: [string, Schema | undefined][] = [
      ['[]', items],
      ['.*', more],
      ...Object.entries(properties).map(([name, each]): [string, Schema] => [`.${name}`, each]),
      ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((all) =>
        (all ?? []).map((each): [string, Schema] => ['', each]),
      ),
    ];
    return [
      [place, schema],
      ...below.flatMap(([step, each]) => (each === undefined ? [] : look(each, place + step))),
    ];
  };
  return look(root, at);
}
