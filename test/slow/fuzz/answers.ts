/** What must hold for every answer, whatever was asked. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FuzzCase } from './requests.js';
import type { Outcome, Received } from './wire.js';

export type Schema = {
  readonly $ref?: string;
  readonly example?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
};
type Content = Readonly<Record<string, { readonly schema?: Schema; readonly example?: unknown }>>;
type Response = { readonly $ref?: string; readonly content?: Content };
type Operation = {
  readonly parameters?: readonly { name: string; in: string; example?: unknown; schema?: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
};
export type ApiDocument = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
};

/** What HTTP itself or the doors answer, whatever the route. */
const OF_ALL_ROUTES = new Set([404, 405, 406, 408, 413, 415, 417, 431]);

/** Longer bodies are refused before they are read, so that the answer may be lost on the way to one who still sends. */
const READ_BYTES_MAX = 32 * 1024;

/** A new key's or webhook's secret is shown once, to the caller who made it. */
const SHOWS_SECRET = /^POST \/v1\/admin\/(keys|webhooks)(\/\{id\}\/rotate)?$/;
const ANY_SECRET = /sk-tally-[A-Za-z0-9_-]{20}|whsec_[A-Za-z0-9+/]{20}/;
const INTERNALS =
  /\bat [\w.]+ \(|node_modules|PrismaClient|\bselect \S+ from\b|ECONN|tally_service|dist\/src/;

export class Answers {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false });
  private readonly validators = new Map<string, ValidateFunction | null>();
  private readonly isError: ValidateFunction;

  constructor(
    private readonly document: ApiDocument,
    private readonly secrets: readonly string[],
  ) {
    this.ajv.addSchema({ $id: 'tally', components: document.components });
    this.isError = this.ajv.compile({ $ref: 'tally#/components/schemas/ErrorAnswer' });
  }

  /** What is wrong with the answer; null where nothing is. */
  problemOf(asked: FuzzCase, outcome: Outcome): string | null {
    if (outcome === 'silent') return announcesMore(asked) ? null : 'no answer in 30 seconds';
    if (outcome === 'cut') return mayBeCut(asked) ? null : 'the connection was closed without an answer';
    const { status, text, headers } = outcome;
    if (!(status >= 200 && status < 500)) return `status ${status}`;
    if (headers.has('x-injected')) return 'a header of the caller’s making';
    return this.secretIn(asked, outcome) ?? this.invalidityOf(asked, outcome) ?? internalsIn(text);
  }

  private secretIn({ route }: FuzzCase, { text, status, headers }: Received): string | null {
    const all = `${text}\n${[...headers.values()].join('\n')}`;
    const secret = this.secrets.find((one) => all.includes(one));
    if (secret !== undefined) return `it holds the secret ${secret.slice(0, 14)}…`;
    if (status < 300 && (route === null || SHOWS_SECRET.test(route))) return null;
    return ANY_SECRET.test(all) ? 'it holds a secret' : null;
  }

  private invalidityOf({ route, sent }: FuzzCase, received: Received): string | null {
    const { status, json, text, headers } = received;
    if (sent.method === 'HEAD' || status === 204 || status === 304) return text === '' ? null : 'a body';
    if (status >= 400 && headers.get('x-request-id') === undefined) return 'no x-request-id';
    const isJson = (headers.get('content-type') ?? '').startsWith('application/json');
    if (isJson && json === undefined) return 'no valid JSON';
    if (!text.isWellFormed()) return 'no well-formed text';
    // It says itself which route it came from, however that was spelled.
    const isReceipt = (json as { object?: unknown } | null | undefined)?.object === 'usage.receipt';
    const validate = this.validatorOf(isReceipt ? 'POST /v1/usage/events' : route, status);
    if (validate === undefined) return `${status} is not in the document`;
    if (!isJson || validate === null || validate(json)) return null;
    return `not as the document says: ${this.ajv.errorsText(validate.errors)}`;
  }

  /** Null where nothing is said about the body; undefined where the document does not know the status. */
  private validatorOf(route: string | null, status: number): ValidateFunction | null | undefined {
    if (status >= 400 && (route === null || OF_ALL_ROUTES.has(status))) return this.isError;
    if (route === null) return null;
    const name = `${status} ${route}`;
    const known = this.validators.get(name);
    if (known !== undefined) return known;
    const [verb = '', path = ''] = route.split(' ');
    const responses = this.document.paths[path]?.[verb.toLowerCase()]?.responses ?? {};
    const response = this.resolved(responses[status] ?? responses['default']);
    if (response === undefined) return undefined;
    const schema = response.content?.['application/json']?.schema;
    const made = schema === undefined ? null : this.compiled(schema);
    this.validators.set(name, made);
    return made;
  }

  private resolved(response: Response | undefined): Response | undefined {
    const name = response?.$ref?.split('/').at(-1);
    return name === undefined ? response : this.document.components.responses[name];
  }

  private compiled(schema: Schema): ValidateFunction {
    return this.ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"tally#/')) as object);
  }
}

function internalsIn(text: string): string | null {
  return INTERNALS.test(text) ? 'it tells of our inside' : null;
}

/** The service waits for a body that was announced and does not come, as long as any request may take. */
function announcesMore({ sent }: FuzzCase): boolean {
  return sent.headers.some(([name]) => /^(transfer-encoding|content-length)$/.test(name));
}

/** Who sends a long body that is refused unread, or what is no HTTP, may lose the answer. */
function mayBeCut({ sent }: FuzzCase): boolean {
  return (
    (sent.body?.length ?? 0) > READ_BYTES_MAX ||
    sent.method === 'CONNECT' ||
    sent.headers.some(([name]) => /^(upgrade|transfer-encoding|content-length)$/.test(name))
  );
}
