/** Bodies as JSON text: what a route expects by its document or its test, with some fields bent. */
import type { Random } from '../../simulation/random.js';
import type { RouteCase } from '../../support/routes.js';
import type { ApiDocument, Schema } from './answers.js';
import { NASTY_JSON, NASTY_NAMES } from './nasty-values.js';

/** The values that a body may have, as JSON text, by the path of their fields. */
export type Fields = {
  /** A body that is right, as far as is known. */
  readonly right: unknown;
  /** Every field that the document names. */
  readonly names: readonly string[];
};

/** Null for a route that takes no body. */
export function fieldsOf(document: ApiDocument, { route, body }: RouteCase): Fields | null {
  const [verb = '', path = ''] = route.split(' ');
  const described = document.paths[path]?.[verb.toLowerCase()]?.requestBody?.content ?? {};
  const content = Object.values(described)[0];
  if (body === undefined && content === undefined) return null;
  const schema = resolved(document, content?.schema);
  return {
    right: body ?? content?.example ?? schema?.example ?? {},
    names: Object.keys(propertiesOf(document, schema)),
  };
}

function resolved(document: ApiDocument, schema: Schema | undefined): Schema | undefined {
  const name = schema?.$ref?.split('/').at(-1);
  return name === undefined ? schema : document.components.schemas[name];
}

function propertiesOf(document: ApiDocument, schema: Schema | undefined): Readonly<Record<string, Schema>> {
  const parts = [...(schema?.anyOf ?? []), ...(schema?.oneOf ?? []), ...(schema?.allOf ?? [])];
  const inherited = parts.map((part) => propertiesOf(document, resolved(document, part)));
  return Object.assign({}, ...inherited, schema?.properties) as Readonly<Record<string, Schema>>;
}

export function bendBody({ right, names }: Fields, random: Random, ids: readonly string[]): string {
  const text = JSON.stringify(right);
  if (random.chance(0.25) || typeof right !== 'object' || right === null || Array.isArray(right)) return text;
  const fields = new Map(Object.entries(right).map(([name, value]) => [name, JSON.stringify(value)]));
  let extra = '';
  for (let count = random.int(1, 2); count > 0; count -= 1) {
    const name = random.pick(names.length > 0 ? names : ['x']);
    const value = random.chance(0.2) ? JSON.stringify(random.pick(ids)) : random.pick(NASTY_JSON);
    const how = random.int(0, 9);
    if (how === 0) fields.delete(random.pick([...fields.keys(), 'x']));
    else if (how === 1) extra += `,"${random.pick(NASTY_NAMES)}":${value}`.replaceAll('\u0000', '\\u0000');
    else if (how === 2) extra += `,${JSON.stringify(name)}:${value}`;
    else fields.set(name, value);
  }
  const listed = [...fields].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join();
  return `{${listed === '' ? extra.slice(1) : listed + extra}}`;
}
