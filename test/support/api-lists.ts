/** The lists that the document names, by what they answer: a list that is added is tested too. */

/** `order` is the one that it has by itself. */
export type List = {
  readonly route: string;
  readonly parameters: readonly string[];
  readonly order: string | undefined;
};

type Operation = {
  readonly parameters: readonly { readonly name: string; readonly schema: { readonly default?: string } }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
};

type ApiDocument = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};

export function listsIn(document: ApiDocument): List[] {
  return Object.entries(document.paths).flatMap(([path, { get }]) => {
    const answer = get?.responses['200']?.content?.['application/json']?.schema;
    if (get === undefined || !isList(document, answer)) return [];
    const { parameters } = get;
    const order = parameters.find(({ name }) => name === 'order')?.schema.default;
    return [{ route: `GET ${path}`, parameters: parameters.map(({ name }) => name), order }];
  });
}

function isList({ components }: ApiDocument, schema: object | undefined): boolean {
  const names = JSON.stringify(schema ?? null).matchAll(/#\/components\/schemas\/([A-Za-z0-9]+)/g);
  const resolved = [...names].map(([, name = '']) => components.schemas[name]);
  return /"object":\{[^}]*"list"/.test(JSON.stringify(resolved));
}
