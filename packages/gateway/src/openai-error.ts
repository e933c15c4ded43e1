/** All errors of the gateway, in OpenAI's form, so that official clients raise the right exception. */
import type { Denial } from '@tally/client';
import {
  ERROR_TYPES,
  INTERNAL_ERROR_MESSAGE,
  OVERLOADED_MESSAGE,
  type ErrorBody,
} from '@tally/client/protocol';

interface ErrorFacts {
  status: number;
  message: string;
  type: string;
  code: string | null;
  param?: string;
  headers?: Record<string, string>;
}

export class OpenAiError extends Error {
  readonly facts: ErrorFacts;

  constructor(facts: ErrorFacts) {
    super(facts.message);
    this.facts = facts;
  }

  get body(): ErrorBody {
    const { message, type, param = null, code } = this.facts;
    return { error: { message, type, param, code } };
  }
}

/** Tally denied the request. Its answer is in OpenAI's form already and goes to the caller as it is. */
export class QuotaDenied extends Error {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super(`Tally answered ${denial.status}`, { cause: denial.cause });
    this.denial = denial;
  }
}

export const invalidAuthentication = () =>
  new OpenAiError({
    status: 401,
    message: 'Invalid Authentication',
    type: ERROR_TYPES.invalid_api_key,
    code: 'invalid_api_key',
  });

export const unsupportedCountry = () =>
  new OpenAiError({
    status: 403,
    message: 'Country, region, or territory not supported',
    type: 'request_forbidden',
    code: 'unsupported_country_region_territory',
  });

export const modelNotFound = (model: string) =>
  new OpenAiError({
    status: 404,
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    type: 'invalid_request_error',
    code: 'model_not_found',
  });

export const badRequest = (
  message: string,
  details: { param?: string; code?: string; status?: number } = {},
) =>
  new OpenAiError({
    status: details.status ?? 400,
    message,
    type: 'invalid_request_error',
    code: details.code ?? null,
    ...(details.param !== undefined && { param: details.param }),
  });

export const overloaded = () =>
  new OpenAiError({
    status: 503,
    message: OVERLOADED_MESSAGE,
    type: ERROR_TYPES.overloaded,
    code: 'overloaded',
    headers: { 'retry-after': '1' },
  });

/** Does not name the cause, which is for the log. */
export const serverError = () =>
  new OpenAiError({
    status: 500,
    message: INTERNAL_ERROR_MESSAGE,
    type: ERROR_TYPES.internal_error,
    code: 'internal_error',
  });

/** The model server could not be asked, or did not answer in time. Official clients try again. */
export const upstreamFailed = (isTimeout: boolean) =>
  new OpenAiError({
    status: isTimeout ? 504 : 502,
    message: isTimeout
      ? 'The model did not answer in time'
      : 'The model is unavailable, please try again later',
    type: ERROR_TYPES.internal_error,
    code: isTimeout ? 'upstream_timeout' : 'upstream_unavailable',
  });

/** Nobody reads it: the caller hung up before its request ran. 499 is what nginx logs then. */
export const callerGone = () =>
  new OpenAiError({
    status: 499,
    message: 'The request was cancelled',
    type: 'invalid_request_error',
    code: 'request_cancelled',
  });
