/** How a command fails: wrong use (exit code 2), a refusal, a lost connection (1). */

export const EXIT_REFUSED = 1;
export const EXIT_WRONG_USE = 2;

/** The command line is wrong, or what it needs is not set: nothing was sent. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

/** Somebody said no: nothing was sent. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed';
}

/** The service answered with an error. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    message: string,
    readonly status: number,
    /** The body as it came, for `--json`. */
    readonly body: unknown,
  ) {
    super(message);
  }
}

/** The error that the service gives for a missing thing, for one that this program finds missing itself. */
export function missing(message: string): Refusal {
  const error = { message, type: 'invalid_request_error', param: null, code: 'not_found' };
  return new Refusal(message, 404, { error });
}

/** The same, for a thing that is there already. */
export function conflicting(message: string): Refusal {
  const error = { message, type: 'invalid_request_error', param: null, code: 'conflict' };
  return new Refusal(message, 409, { error });
}

/** There is no answer, or one that is not Tally's. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    message: string,
    /** Whether the service may have done what was asked. */
    readonly mayBeDone: boolean,
  ) {
    super(message);
  }
}

type ErrorBody = {
  readonly error?: {
    readonly message?: string;
    readonly code?: string;
    readonly param?: string | null;
    readonly existing?: string;
  };
};

/** What the API says, with the field at fault and what helps beside it. */
export function refusalOf(status: number, body: unknown, requestId: string | null): Refusal {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as ErrorBody;
  if (error?.message === undefined)
    return new Refusal(`The service answered with status ${status} and no reason.`, status, body);
  const { message, param, code, existing } = error;
  const named = param && !message.includes(param) ? `${param}: ${message}` : message;
  const hints = [
    existing === undefined ? null : `There already: ${existing}`,
    HINTS[code ?? ''] ?? null,
    status >= 500 && requestId !== null
      ? `The service's log has more under the request id ${requestId}.`
      : null,
  ];
  return new Refusal([named, ...hints.filter((hint) => hint !== null)].join('\n'), status, body);
}

const HINTS: Readonly<Record<string, string>> = {
  invalid_api_key:
    'The service does not know this key, or it has expired or was revoked: check TALLY_API_KEY or TALLY_API_KEY_FILE.',
  insufficient_permissions:
    'The key does not have the role for this: most commands need a key with the role admin.',
  idempotency_key_reused: 'Leave --idempotency-key out, or repeat the command exactly as it was.',
};
