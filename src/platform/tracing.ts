/**
 * Traces over OTLP, where the environment names a receiver: one trace from a gateway's request over its reservation and the report of its
 * usage to the booking. Nothing is loaded and nothing is measured otherwise. Attributes never hold keys, bodies or users.
 */
import type { Context, Span, SpanKind, Tracer } from '@opentelemetry/api';
import { isTraceparent } from '@tally/client/protocol';
import { Deadlines } from './deadline.js';
import type { Logger } from './logger.js';

export type TracingOptions = {
  /** Where OTLP over HTTP is received; `/v1/traces` is added. */
  readonly endpoint: string;
  /** Of each request to the receiver, such as its key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly version: string;
  readonly instance: string;
  /** Of traces that begin here; others are kept where their caller keeps them. */
  readonly sampledRatio: number;
};

/** With its retries. */
const SEND_MS_MAX = 4_000;
const CLOSE_MS_MAX = 5_000;
const FAILURES_LOGGED_MS = 60_000;

export type Attributes = Readonly<Record<string, string | number>>;

/** `traceparent` as it came, from a header or an event. Anything but a text that is one counts as none. */
export type From = { readonly traceparent: unknown; readonly tracestate?: unknown };

type Work<T> = {
  readonly name: string;
  readonly from: From;
  readonly attributes: Attributes;
  readonly run: () => Promise<T>;
  /** What its end adds. */
  readonly ended: (result: { readonly value: T } | { readonly error: unknown }) => Attributes;
};

/** The token of the process' `Tracing`, or null. */
export const TRACING = Symbol('TRACING');

export type Tracing = {
  /** A span of what a caller asked for; a failure of its own is marked where the answer has a status of 500 and above. */
  serve<T>(work: Work<T>): Promise<T>;
  /** A span of what began at `performance.now()` = `startedMs` and is done. Without a trace that it belongs to there is none. */
  note(span: { name: string; from: From; attributes: Attributes; startedMs: number }): void;
  /** Sends what is left. */
  close(): Promise<void>;
};

export async function openTracing(options: TracingOptions, logger: Logger): Promise<Tracing> {
  const [api, core, sdk, resources, otlp] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  api.diag.setLogger(failureLogger(logger), api.DiagLogLevel.WARN);
  const exporter = new otlp.OTLPTraceExporter({
    url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...options.headers },
    timeoutMillis: SEND_MS_MAX,
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': options.serviceName,
      'service.version': options.version,
      'service.instance.id': options.instance,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(options.sampledRatio) }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  const propagator = new core.W3CTraceContextPropagator();
  const contextOf = ({ traceparent, tracestate }: From): Context => {
    if (!isTraceparent(traceparent)) return api.ROOT_CONTEXT;
    const carrier = { traceparent, ...(typeof tracestate === 'string' && { tracestate }) };
    return propagator.extract(api.ROOT_CONTEXT, carrier, api.defaultTextMapGetter);
  };
  return new OpenTracing(provider.getTracer('tally', options.version), contextOf, () => provider.shutdown(), {
    server: api.SpanKind.SERVER,
    consumer: api.SpanKind.CONSUMER,
    failed: api.SpanStatusCode.ERROR,
  });
}

class OpenTracing implements Tracing {
  constructor(
    private readonly tracer: Tracer,
    private readonly contextOf: (from: From) => Context,
    private readonly shutdown: () => Promise<void>,
    private readonly codes: { server: SpanKind; consumer: SpanKind; failed: 2 },
  ) {}

  async serve<T>({ name, from, attributes, run, ended }: Work<T>): Promise<T> {
    const { server: kind } = this.codes;
    const span = this.tracer.startSpan(name, { kind, attributes: { ...attributes } }, this.contextOf(from));
    try {
      const value = await run();
      this.end(span, ended({ value }));
      return value;
    } catch (error) {
      this.end(span, ended({ error }));
      throw error;
    }
  }

  note({ name, from, attributes, startedMs }: Parameters<Tracing['note']>[0]): void {
    if (!isTraceparent(from.traceparent)) return;
    const { consumer: kind } = this.codes;
    const options = { kind, startTime: startedMs, attributes: { ...attributes } };
    this.tracer.startSpan(name, options, this.contextOf(from)).end();
  }

  /** A receiver that is down must not keep the process from ending. */
  async close(): Promise<void> {
    await new Deadlines().within(CLOSE_MS_MAX, this.shutdown()).catch(() => {});
  }

  private end(span: Span, attributes: Attributes): void {
    span.setAttributes({ ...attributes });
    if (Number(attributes['http.response.status_code']) >= 500) span.setStatus({ code: this.codes.failed });
    span.end();
  }
}

/** The exporter fails every few seconds while its receiver is down: one line a minute. */
function failureLogger(logger: Logger) {
  let loggedMs = Number.NEGATIVE_INFINITY;
  const warn = (message: string): void => {
    const nowMs = performance.now();
    if (nowMs - loggedMs < FAILURES_LOGGED_MS) return;
    loggedMs = nowMs;
    logger.warn('traces were not sent', { reason: message.slice(0, 500) });
  };
  const nothing = (): void => {};
  return { error: warn, warn, info: nothing, debug: nothing, verbose: nothing };
}
