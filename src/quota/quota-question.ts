/**
 * Envoy's ext_authz asks with the method of the request that it was asked for, and with that request's path behind its own
 * prefix. All of that is the one question `GET /v1/quota/check`, whose answer depends on its headers alone.
 */
import type { IncomingMessage } from 'node:http';

const QUESTION = '/v1/quota/check';

/** The URL to route by. A body that comes along is not read. */
export function routedUrl(request: Pick<IncomingMessage, 'method' | 'url'>): string {
  const url = request.url ?? '/';
  const isQuestion = url.startsWith(QUESTION) && ['', '/', '?'].includes(url.charAt(QUESTION.length));
  if (!isQuestion) return url;
  request.method = 'GET';
  return QUESTION;
}
