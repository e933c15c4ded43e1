/** The API's document as a test reads it, and what validates answers against it. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer, TestApp } from './app.js';

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
} & Readonly<Record<string, unknown>>;
export type Media = { readonly schema?: Schema; readonly example?: unknown; readonly examples?: object };
export type Response = {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, { $ref?: string }>>;
  readonly content?: Readonly<Record<string, Media>>;
};
export type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
};
export type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: string[];
  readonly parameters: Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
  readonly security: object[];
};
export type ApiDocument = {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly servers: object[];
  readonly tags: { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly headers: Readonly<Record<string, object>>;
  };
};

export async function documentOf(app: TestApp): Promise<ApiDocument> {
  return (await app.call('GET /openapi.json', { key: null })).body as ApiDocument;
}

/** `GET /v1/entities` and its operation, for each. */
export function operationsOf(document: ApiDocument): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]): [string, Operation] => [
      `${verb.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

/** Headers that any server may send. */
const OF_HTTP =
  /^(access-control-.*|cache-control|connection|content-.*|date|keep-alive|referrer-policy|transfer-encoding|vary|x-content-type-options)$/;

/** Holds answers against the document. */
export class DocumentChecker {
  private readonly ajv = new Ajv2020({ strict: false });

  constructor(private readonly document: ApiDocument) {
    addFormats.default(this.ajv);
    this.ajv.addSchema({ $id: 'tally', components: document.components });
  }

  validator(schema: Schema): ValidateFunction {
    return this.ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"tally#/')) as Schema);
  }

  response(operation: Operation, status: number | string): Response | undefined {
    const response = operation.responses[status];
    const name = response?.$ref?.split('/').at(-1);
    return name === undefined ? response : this.document.components.responses[name];
  }

  /** What the document does not say of the answer: its status, its code, its headers or its body. */
  problems(operation: Operation, answer: Answer): string[] {
    const { status, body, text } = answer;
    const response = this.response(operation, status);
    if (response === undefined) return [`${status} is not documented: ${text}`];
    const code = (body as { error?: { code?: string } } | null)?.error?.code;
    const json = response.content?.['application/json'];
    const codes = JSON.stringify(json?.examples ?? {});
    return [
      ...(code === undefined || codes.includes(`"code":"${code}"`)
        ? []
        : [`${status} ${code} has no example`]),
      ...this.headerProblems(response, answer),
      ...(body === null || json?.schema === undefined ? [] : this.bodyProblems(json.schema, answer)),
    ];
  }

  private headerProblems({ headers = {} }: Response, answer: Answer): string[] {
    const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    return [...answer.headers.keys()]
      .filter((name) => !OF_HTTP.test(name) && !known.has(name))
      .map((name) => `${answer.status} has a header ${name}`);
  }

  private bodyProblems(schema: Schema, { status, body, text }: Answer): string[] {
    const isValid = this.validator(schema);
    return isValid(body) ? [] : [`${status}: ${this.ajv.errorsText(isValid.errors)} in ${text}`];
  }
}
