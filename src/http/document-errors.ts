/** What the document says of errors: each status that an operation may answer, with its codes, examples and headers. */
import { INTERNAL_ERROR_MESSAGE, OVERLOADED_MESSAGE, type ErrorCode } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { CONCURRENCY_MESSAGE, QUOTA_EXCEEDED_MESSAGE, ROOM_HELD_MESSAGE } from '../domain/quota-denial.js';
import { headersNamed } from './document-headers.js';
import type { Described } from './document-operation.js';
import { answerTo, HEADERS_TOO_LARGE } from './error-body.js';

const AMOUNTS = { spent_usd: '100.02', limit_usd: '100', held_usd: '0.4', set_by: 'admin' };
const DECISION = 'dec_1764547200AAAAAAAAAAAA.entity1';

/** One example of each code, or several where it has several reasons. */
const EXAMPLES: Readonly<Record<ErrorCode, Readonly<Record<string, TallyError>>>> = {
  invalid_request: one(
    'invalid_request',
    'amount_usd: must be a decimal string of US dollars such as "12.5"',
    {
      param: 'amount_usd',
    },
  ),
  invalid_api_key: one('invalid_api_key', 'Invalid Authentication'),
  insufficient_permissions: one(
    'insufficient_permissions',
    'Your API key does not have access to this resource',
  ),
  not_found: one('not_found', 'There is no such entity'),
  model_not_found: one('model_not_found', 'The model `m` does not exist or you do not have access to it'),
  method_not_allowed: one('method_not_allowed', 'PUT is not a method of this URL; it has GET, HEAD, OPTIONS'),
  not_acceptable: one('not_acceptable', 'Accept: this URL answers application/json', { param: 'Accept' }),
  request_timeout: one('request_timeout', 'The request did not arrive in time'),
  conflict: one('conflict', 'There is one already'),
  books_differ: one(
    'books_differ',
    'the books disagree by $0.007: the sum of the charges of entity1 in 2026-11 is $0.71, and its overage is $0.717',
  ),
  events_dropped: one(
    'events_dropped',
    'time: the events of 2025-10 were dropped on 2026-11-22; their sums by hour, statements and corrections stay',
    { param: 'time' },
  ),
  precondition_failed: one(
    'precondition_failed',
    'If-Match: this has changed since it was read, or does not exist; read it again',
    { param: 'If-Match' },
  ),
  idempotency_key_in_use: one(
    'idempotency_key_in_use',
    'A request with this Idempotency-Key is still running',
  ),
  payload_too_large: one('payload_too_large', 'The request body is larger than 64 KiB'),
  unsupported_media_type: one(
    'unsupported_media_type',
    'The request body must be JSON: content-type application/json',
  ),
  idempotency_key_reused: one('idempotency_key_reused', 'This Idempotency-Key was used with another request'),
  insufficient_quota: {
    credits_gone: new TallyError('insufficient_quota', QUOTA_EXCEEDED_MESSAGE, {
      details: {
        limit: 'credits',
        scope: 'entity1',
        ...AMOUNTS,
        resets_at: null,
        decision_id: DECISION,
      },
    }),
    cap_reached: new TallyError('insufficient_quota', QUOTA_EXCEEDED_MESSAGE, {
      details: {
        limit: 'entity_monthly_cap',
        scope: 'entity1',
        ...AMOUNTS,
        resets_at: 1_764_547_200,
        decision_id: DECISION,
      },
    }),
  },
  rate_limit_exceeded: one('rate_limit_exceeded', 'Rate limit reached for requests'),
  internal_error: one('internal_error', INTERNAL_ERROR_MESSAGE),
  overloaded: one('overloaded', OVERLOADED_MESSAGE),
};

function one(
  code: ErrorCode,
  message: string,
  extra: { param?: string } = {},
): Readonly<Record<string, TallyError>> {
  return { [code]: new TallyError(code, message, extra) };
}

/** For decisions on quota: the same code says too that others hold what is left. */
const IN_FLIGHT = {
  room_held: new TallyError('rate_limit_exceeded', ROOM_HELD_MESSAGE, {
    details: {
      limit: 'entity_monthly_cap',
      scope: 'entity1',
      ...AMOUNTS,
      spent_usd: '99.7',
      resets_at: 1_764_547_200,
      decision_id: DECISION,
    },
  }),
  concurrency: new TallyError('rate_limit_exceeded', CONCURRENCY_MESSAGE, {
    details: {
      limit: 'concurrency',
      scope: 'entity1',
      spent_usd: null,
      limit_usd: null,
      held_usd: null,
      requests_in_flight: 200,
      requests_max: 200,
      resets_at: null,
      decision_id: DECISION,
    },
  }),
};

/** What needs events themselves, which may have been dropped. */
const READS_EVENTS =
  /^\/v1\/(entities\/\{entity\}\/(events|usage)$|organization\/(usage\/|costs$)|admin\/(usage_events\/.+\/void|prices\/rerate)$)/;

/** What adds usage up by meter, and so finds a difference. */
const ADDS_UP = /^\/v1\/entities\/\{entity\}\/(statements\/\{period\}|usage|activity)$/;

type Settings = { readonly quotaDeniedStatus: number };

/** Components for errors: one for each set of codes that some operations share at a status, named after the codes. */
export class ErrorResponses {
  readonly components: Record<string, object> = {};

  constructor(private readonly settings: Settings) {}

  /** Each operation's own answers stay; of errors it gets those that it can answer. */
  addTo(described: Described): void {
    const { operation } = described;
    const byStatus = new Map<number, ErrorCode[]>();
    for (const code of codesOf(described)) {
      const { status } = answerTo(new TallyError(code, ''), this.settings);
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
    for (const [status, codes] of byStatus) {
      const denies = codes.includes('rate_limit_exceeded') && isDecision(operation);
      operation.responses[status] ??= { $ref: `#/components/responses/${this.named(codes, denies)}` };
    }
    // Node answers it before there is a route.
    this.components['HeadersTooLarge'] ??= headersTooLarge(this.settings);
    operation.responses['431'] ??= { $ref: '#/components/responses/HeadersTooLarge' };
  }

  private named(codes: readonly ErrorCode[], denies: boolean): string {
    const name = denies && codes.length === 1 ? 'QuotaHeld' : codes.map(pascal).join('Or');
    this.components[name] ??= responseOf(codes, { ...this.settings, denies });
    return name;
  }
}

function pascal(code: string): string {
  return code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function responseOf(codes: readonly ErrorCode[], settings: Settings & { denies: boolean }): object {
  const examples = Object.assign(
    {},
    ...codes.map((code) => EXAMPLES[code]),
    settings.denies ? IN_FLIGHT : {},
  ) as Record<string, TallyError>;
  const answers = Object.entries(examples).map(([name, error]) => [name, answerTo(error, settings)] as const);
  const headers = ['X-Request-Id', ...answers.flatMap(([, answer]) => Object.keys(answer.headers))];
  return {
    description: codes.map((code) => `\`${code}\``).join(' or '),
    headers: headersNamed(codes.includes('method_not_allowed') ? [...headers, 'Allow'] : headers),
    content: {
      'application/json': errorContent(
        Object.fromEntries(answers.map(([name, { body }]) => [name, { value: body }])),
      ),
    },
  };
}

function errorContent(examples: object): object {
  return { schema: { $ref: '#/components/schemas/ErrorAnswer' }, examples };
}

function headersTooLarge(settings: Settings): object {
  const { body: value } = answerTo(new TallyError('invalid_request', HEADERS_TOO_LARGE), settings);
  return {
    description: 'The request line and the headers are longer than 16 KiB together',
    headers: headersNamed(['X-Request-Id']),
    content: { 'application/json': errorContent({ headers_too_large: { value } }) },
  };
}

/** Reservations and checks are denied; nothing else is. */
function isDecision({ operationId }: Described['operation']): boolean {
  return operationId === 'quota.reserve' || operationId === 'quota.check';
}

function codesOf({ verb, path, operation, isHot }: Described): ErrorCode[] {
  const { parameters = [], requestBody, security = [] } = operation;
  const named = (name: string): boolean => parameters.some((parameter) => parameter.name === name);
  const seeks = path.includes('{') || requestBody !== undefined || NAMING.some(named);
  const codes: (readonly [boolean, readonly ErrorCode[]])[] = [
    [true, ['invalid_request', 'method_not_allowed', 'internal_error', 'overloaded']],
    [security.length > 0, ['invalid_api_key', 'insufficient_permissions', 'rate_limit_exceeded']],
    [security.length > 0 && !isHot, ['not_acceptable']],
    [isDecision(operation), ['model_not_found', 'insufficient_quota']],
    [security.length > 0 && seeks, ['not_found']],
    [verb !== 'get' && verb !== 'delete', ['request_timeout', 'payload_too_large', 'unsupported_media_type']],
    [verb !== 'get', ['conflict']],
    [ADDS_UP.test(path), ['books_differ']],
    [READS_EVENTS.test(path), ['events_dropped']],
    [named('If-Match'), ['precondition_failed']],
    [named('Idempotency-Key'), ['idempotency_key_in_use', 'idempotency_key_reused']],
  ];
  return codes.flatMap(([can, own]) => (can ? own : []));
}

/** Parameters that name what there may not be. */
const NAMING = ['entity', 'OpenAI-Organization', 'OpenAI-Project'];
