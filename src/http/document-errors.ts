/** What the document says of errors: each status that an operation may answer, with its codes, an example and its headers. */
import type { ErrorCode } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { answerTo } from './error-body.js';

const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'amount_usd: must be a decimal string of US dollars such as "12.5"',
  invalid_api_key: 'Invalid Authentication',
  insufficient_permissions: 'Your API key does not have access to this resource',
  not_found: 'No such entity: entity1',
  model_not_found: 'The model `m` does not exist or you do not have access to it',
  method_not_allowed: 'PUT is not a method of this URL; it has GET, HEAD, OPTIONS',
  not_acceptable: 'Accept: this URL answers application/json',
  request_timeout: 'The request did not arrive in time',
  conflict: 'There is one already',
  precondition_failed: 'If-Match: this has changed since it was read',
  idempotency_key_in_use: 'A request with this Idempotency-Key is still running',
  payload_too_large: 'The request body is larger than 64 KiB',
  unsupported_media_type: 'The request body must be JSON: content-type application/json',
  idempotency_key_reused: 'This Idempotency-Key was used with another request',
  insufficient_quota: 'You exceeded your current quota, please check your plan and billing details',
  rate_limit_exceeded: 'Rate limit reached for requests',
  internal_error: 'The server had an error while processing your request',
  overloaded: 'The engine is currently overloaded, please try again later',
};

const CODES = Object.keys(MESSAGES) as ErrorCode[];

const REQUEST_ID = {
  'X-Request-Id': {
    description: "The request's own, or one that Tally made; it is in the log",
    schema: { type: 'string' },
  },
};

/** `#/components/responses/Error429` and the others, by status. */
export function errorResponses(): Map<number, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of CODES) {
    const status = answerTo(new TallyError(code, ''), { quotaDeniedStatus: 429 }).status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].map(([status, codes]) => [status, responseOf(codes)]));
}

function responseOf(codes: readonly ErrorCode[]): object {
  const answers = codes.map((code) => {
    const error = new TallyError(code, MESSAGES[code]);
    return { code, ...answerTo(error, { quotaDeniedStatus: 429 }) };
  });
  const headers = new Map(answers.flatMap((answer) => Object.entries(answer.headers)));
  return {
    description: codes.map((code) => `\`${code}\``).join(' or '),
    headers: {
      ...REQUEST_ID,
      ...Object.fromEntries([...headers].map(([name, value]) => [name, headerLike(value)])),
    },
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(answers.map(({ code, body }) => [code, { value: body }])),
      },
    },
  };
}

function headerLike(example: string): object {
  return { schema: { type: 'string' }, example };
}

export type Operation = {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: object;
  responses: Record<string, Record<string, unknown>>;
  security?: object[];
  tags?: string[];
};

/** Each operation's own answers stay; of errors it gets those that it can answer. */
export function withErrors(operation: Operation, known: ReadonlyMap<number, object>): void {
  const { parameters = [], requestBody, responses, security } = operation;
  const named = (name: string): boolean => parameters.some((parameter) => parameter.name === name);
  const needsKey = security !== undefined;
  const statuses = [
    400,
    405,
    ...(needsKey ? [401, 403, 404, 406, 429] : []),
    ...(requestBody === undefined ? [] : [408, 409, 413, 415]),
    ...(named('If-Match') ? [412] : []),
    ...(named('Idempotency-Key') ? [409, 422] : []),
    500,
    503,
  ];
  // Errors are JSON also where the answer is not.
  if (responses['default'] !== undefined) {
    const schema = { $ref: '#/components/schemas/Error' };
    responses['default'] = { description: 'An error', content: { 'application/json': { schema } } };
  }
  for (const status of statuses)
    if (known.has(status)) responses[status] ??= { $ref: `#/components/responses/Error${status}` };
}
