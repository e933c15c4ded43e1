/** Which headers pass through a gateway. https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { TraceContext } from '@tally/client';

/** Of one connection. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Between the caller and the gateway: its keys and its identity here; what is set below; and what `undici` sets by itself. */
const CALLERS = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'cookie',
  'openai-organization',
  'openai-project',
  'x-client-country',
  'host',
  'content-length',
  'expect',
  'accept-encoding',
  'x-request-id',
  'traceparent',
  'tracestate',
]);

/** What a server tells of itself to a browser or a client that knows it directly. */
const SERVERS = new Set(['set-cookie', 'alt-svc', 'www-authenticate', 'x-request-id']);

export interface UpstreamIdentity {
  /** The upstream's own key; null where it needs none. */
  readonly key: string | null;
  readonly requestId: string;
  readonly trace: TraceContext;
  /** Whether the answer may be compressed: not where the gateway takes a chunk out of it. */
  readonly takesGzip: boolean;
}

export function toUpstream(headers: IncomingHttpHeaders, identity: UpstreamIdentity): Record<string, string> {
  const passed: Record<string, string> = {};
  const named = namedByConnection(headerText(headers, 'connection'));
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || CALLERS.has(name) || named.has(name)) continue;
    passed[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  const gzip = identity.takesGzip && /\bgzip\b/i.test(headerText(headers, 'accept-encoding'));
  passed['accept-encoding'] = gzip ? 'gzip' : 'identity';
  passed['x-request-id'] = identity.requestId;
  const { traceparent, tracestate } = identity.trace;
  passed['traceparent'] = traceparent;
  if (tracestate !== undefined) passed['tracestate'] = tracestate;
  if (identity.key === null) return passed;
  passed['authorization'] = `Bearer ${identity.key}`;
  // Anthropic's own header, in a call of its API.
  if (headers['x-api-key'] !== undefined || headers['anthropic-version'] !== undefined)
    passed['x-api-key'] = identity.key;
  return passed;
}

export function toCaller(
  headers: IncomingHttpHeaders,
  { requestId, isWhole }: { requestId: string; isWhole: boolean },
): OutgoingHttpHeaders {
  const passed: OutgoingHttpHeaders = {};
  const named = namedByConnection(headerText(headers, 'connection'));
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || SERVERS.has(name) || named.has(name)) continue;
    // Without a part of its bytes an answer has another length and another checksum.
    if (
      !isWhole &&
      /^(content-(length|md5|digest|encoding)|digest|repr-digest|etag|accept-ranges)$/.test(name)
    )
      continue;
    passed[name] = value;
  }
  passed['x-request-id'] = requestId;
  return passed;
}

/** Of a header that may stand there several times. */
export function headerText(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

/** A connection may name more headers as its own. */
function namedByConnection(connection: string): Set<string> {
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}
