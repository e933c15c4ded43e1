/**
 * Envoy's ext_authz calls with the method of the request that it checks, and appends that request's path to its own prefix. Each of
 * these calls is `GET /v1/quota/check`, whose answer depends only on headers.
 */
import type { IncomingMessage } from 'node:http';

const CHECK = '/v1/quota/check';

/** The URL to route by. The body of the checked request is not read. */
export function routedUrl(request: Pick<IncomingMessage, 'method' | 'url'>): string {
  const url = request.url ?? '/';
  const isCheck = url.startsWith(CHECK) && ['', '/', '?'].includes(url.charAt(CHECK.length));
  if (!isCheck) return url;
  request.method = 'GET';
  return CHECK;
}
