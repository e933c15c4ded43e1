/** What the API answers when it refuses, as one kind of error. */

export class ApiError extends Error {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly code: string | null;
  /** The field at fault, as the API names it. */
  readonly param: string | null;
  readonly requestId: string | null;

  constructor(of: {
    status: number;
    message: string;
    code?: string | null;
    param?: string | null;
    requestId?: string | null;
  }) {
    super(of.message);
    this.name = 'ApiError';
    this.status = of.status;
    this.code = of.code ?? null;
    this.param = of.param ?? null;
    this.requestId = of.requestId ?? null;
  }

  /** Whether the same call may well succeed a moment later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

type ErrorBody = { error?: { message?: string; code?: string; param?: string | null } };

export async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as ErrorBody | null;
  const { message, code = null, param = null } = body?.error ?? {};
  return new ApiError({
    status: response.status,
    message: message ?? `The server answered ${response.status}.`,
    code,
    param,
    requestId: response.headers.get('x-request-id'),
  });
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({ status: 0, message: error instanceof Error ? error.message : String(error) });
}
