/** The trace that an event belongs to, by CloudEvents' extension for distributed tracing. It is no part of what is counted. */
import { isTraceparent } from '@tally/client/protocol';
import type { From } from '../platform/tracing.js';

export function traceOfEvent(body: unknown): From {
  const { traceparent, tracestate } = (body ?? {}) as { traceparent?: unknown; tracestate?: unknown };
  return { traceparent, tracestate };
}

/** The event itself where it names a trace, or where there is none to name. */
export function inTrace(body: unknown, { traceparent }: From): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  if (!isTraceparent(traceparent) || 'traceparent' in body) return body;
  return { ...body, traceparent };
}
