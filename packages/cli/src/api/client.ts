/** The API with the types of its document. */
import createClient, { type Client } from 'openapi-fetch';
import type { Connection } from '../connection.js';
import { refusalOf } from '../failures.js';
import { send, type Sending } from './requests.js';
import type { components, paths } from '../generated/api.js';

export type Api = Client<paths>;

/** A schema of the document by its name. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

export function clientOf({ url, key }: Connection, sending: Sending, version: string): Api {
  return createClient<paths>({
    baseUrl: url,
    headers: { authorization: `Bearer ${key}`, 'user-agent': `tally-cli/${version}` },
    redirect: 'manual',
    fetch: (request) => send(request, sending),
  });
}

type Answered<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** What the service answered; throws Refusal where that is an error. */
export async function answerOf<T>(call: Answered<T>): Promise<NonNullable<T>> {
  const { data, error, response } = await call;
  if (!response.ok || data === undefined || data === null)
    throw refusalOf(response.status, error, response.headers.get('x-request-id'));
  return data;
}

/** The same, and null for what is not there. */
export async function answerOrNull<T>(call: Answered<T>): Promise<NonNullable<T> | null> {
  const { data, error, response } = await call;
  if (response.status === 404) return null;
  if (!response.ok || data === undefined || data === null)
    throw refusalOf(response.status, error, response.headers.get('x-request-id'));
  return data;
}
