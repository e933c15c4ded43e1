/** What the document says of what a client sends: parameters, and the fields of bodies. */
export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
};

export type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  schema: Schema;
};

export type Operation = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
};

export type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

export function operationsOf(document: Document): { route: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ route: `${verb.toUpperCase()} ${path}`, operation })),
  );
}

export function resolved(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  const found = name === undefined ? schema : document.components.schemas[name];
  if (found === undefined) throw new Error(`${schema.$ref} is not in the document`);
  return found;
}

/** Every schema within this one, with the place where it stands; components once. */
export function withinSchema(document: Document, root: Schema, at: string): [at: string, schema: Schema][] {
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
