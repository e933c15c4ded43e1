/** The operations of the document while it is being made. */

export type Verb = (typeof VERBS)[number];

export const VERBS = ['get', 'put', 'post', 'patch', 'delete'] as const;

export type MediaType = { schema?: Record<string, unknown>; example?: unknown };

export type Parameter = {
  name: string;
  in: string;
  required?: boolean;
  schema?: Record<string, unknown>;
  example?: unknown;
};

export type Operation = {
  operationId: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, MediaType> };
  responses: Record<string, Record<string, unknown>>;
  security?: object[];
  tags?: string[];
};

export type Described = {
  readonly verb: Verb;
  readonly path: string;
  readonly operation: Operation;
  /** True where a gateway waits for the answer, whatever it accepts. */
  readonly isHot: boolean;
};

export function describedIn(paths: object, hot: ReadonlySet<string>): Described[] {
  return Object.entries(paths as Record<string, Partial<Record<Verb, Operation>>>).flatMap(([path, item]) =>
    VERBS.flatMap((verb) => {
      const operation = item[verb];
      return operation === undefined
        ? []
        : [{ verb, path, operation, isHot: hot.has(operation.operationId) }];
    }),
  );
}
