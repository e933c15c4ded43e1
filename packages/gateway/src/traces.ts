/** The trace of a request: the caller's own, or one that begins here. The gateway has no span of its own, so it passes the trace on as it came. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { TraceContext } from '@tally/client';
import { isTraceparent } from '@tally/client/protocol';

/** A longer state need not be passed on. https://www.w3.org/TR/trace-context/#tracestate-limits */
const TRACESTATE_LENGTH_MAX = 512;

/** `sampledRatio`: which share of the traces that begin here is marked to be kept. */
export function traceOf(
  { traceparent, tracestate }: IncomingHttpHeaders,
  { sampledRatio }: { sampledRatio: number },
): TraceContext {
  if (!isTraceparent(traceparent)) return { traceparent: newTraceparent(Math.random() < sampledRatio) };
  const state = [tracestate ?? []].flat().join(',');
  return { traceparent, ...(state !== '' && state.length <= TRACESTATE_LENGTH_MAX && { tracestate: state }) };
}

/** The trace's id, for logs. */
export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}

function newTraceparent(isSampled: boolean): string {
  return `00-${nonZeroHex(16)}-${nonZeroHex(8)}-${isSampled ? '01' : '00'}`;
}

/** The standard forbids ids of zeros alone. */
function nonZeroHex(byteCount: number): string {
  const bytes = randomBytes(byteCount);
  if (bytes.every((byte) => byte === 0)) bytes[0] = 1;
  return bytes.toString('hex');
}
