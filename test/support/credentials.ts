/** How a caller shows who it is: with a key, or as a person who is signed in to the console. */
import type { TestApp } from './app.js';

/** Headers of each of its requests; none is nobody. */
export type Credentials = Readonly<Record<string, string>>;

export function withKey(secret: string): Credentials {
  return { authorization: `Bearer ${secret}` };
}

/** Signs in. Without `x-csrf-token` the session only reads. */
export async function withSession({ call }: Pick<TestApp, 'call'>, secret: string): Promise<Credentials> {
  const { headers, text, body } = await call('POST /dashboard/session', {
    key: null,
    body: { api_key: secret },
  });
  const cookie = headers.get('set-cookie');
  if (cookie === null) throw new Error(`nobody is signed in: ${text}`);
  return { cookie: cookie.split(';', 1)[0]!, 'x-csrf-token': String(body.csrf_token) };
}
