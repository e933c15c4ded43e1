/** Calls to the API, typed by its document. The session's cookie stands for the key; a change carries the session's token. */
import { queryOptions } from '@tanstack/react-query';
import createClient, { type Middleware, type ParamsOption } from 'openapi-fetch';
import type { PathsWithMethod, SuccessResponseJSON } from 'openapi-typescript-helpers';
import { currentSession, endSession } from '../session/session.js';
import { ApiError, errorOf } from './errors.js';
import type { components, paths } from '../../generated/document.js';

export type Schemas = components['schemas'];

const TIMEOUT_MS = 30_000;

export const api = createClient<paths>({ baseUrl: location.origin, fetch: reach });

const session: Middleware = {
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('x-csrf-token', currentSession()?.csrf_token ?? '');
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return;
    if (response.status === 401) endSession();
    throw await errorOf(response);
  },
};
api.use(session);

/** `fetch` with a deadline. Throws an ApiError where the server cannot be reached or takes too long. */
async function reach(request: Request): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, timeout]), cache: 'no-store' });
  } catch (error) {
    if (request.signal.aborted) throw error;
    const message = timeout.aborted ? 'The server took too long to answer.' : 'The server cannot be reached.';
    throw new ApiError({ status: 0, message });
  }
}

/** The body of an answer; the middleware has thrown for errors. */
export async function answered<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

export type GetPath = PathsWithMethod<paths, 'get'>;
type Get<P extends GetPath> = Extract<paths[P]['get'], Record<string | number, unknown>>;
export type AnswerTo<P extends GetPath> = SuccessResponseJSON<Get<P>>;

/** A query of one call: `useQuery(reading('/v1/admin/inbox', {}))`. Two with the same path and parameters share their answer. */
export function reading<P extends GetPath>(path: P, init: ParamsOption<Get<P>>) {
  const get = api.GET as unknown as (path: string, init: object) => Promise<{ data?: AnswerTo<P> }>;
  return queryOptions({
    queryKey: [path, init] as const,
    queryFn: ({ signal }) => answered(get(path, { ...init, signal })),
  });
}

/** For calls about one customer that name it in a header. */
export function organization(entity: string): { header: { 'OpenAI-Organization': string } } {
  return { header: { 'OpenAI-Organization': entity } };
}
