/** The trace that a request belongs to, as its headers have it. https://www.w3.org/TR/trace-context */

export interface TraceContext {
  /** Version, trace, span, flags. */
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** Trace and span are not all zeros, and no version is `ff`. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** True where a trace is named that others can continue. */
export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && TRACEPARENT.test(value);
}
