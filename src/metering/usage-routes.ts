/** Gateways: usage over HTTP, for those that do not put it on the queue themselves. */
import { Inject, Injectable } from '@nestjs/common';
import { USAGE_EVENTS_MAX } from '@tally/client/protocol';
import { principalOf } from '../access/principal.js';
import { binaryEvent } from './cloudevents-binding.js';
import type { GatewayRequest, GatewayRoute } from '../http/gateway-routes.js';
import { BODY_BYTES_MAX } from '../http/json-body.js';
import { Metrics } from '../platform/metrics.js';
import { TRACING, type Tracing } from '../platform/tracing.js';
import { traceOf } from '../http/traced-routes.js';
import { inTrace, traceOfEvent } from './event-trace.js';
import { UsageIntake, type Receipt, type Report } from './usage-intake.js';
import * as schemas from './usage-events.schema.js';

@Injectable()
export class UsageReports {
  constructor(
    private readonly intake: UsageIntake,
    private readonly metrics: Metrics,
    @Inject(TRACING) private readonly tracing: Tracing | null,
  ) {}

  async report(events: schemas.UsageReport, request: GatewayRequest) {
    const { keyId, entity: scope, source } = principalOf(request);
    // Only a body that is sent in chunks does not say how long it is.
    const bytes = Number(request.headers['content-length'] ?? Buffer.byteLength(JSON.stringify(events)));
    const report = { bytes, keyId, scope, source };
    const receipt = await (this.tracing === null
      ? this.intake.report({ events, ...report })
      : this.reportTraced(events, report, { request, tracing: this.tracing }));
    this.metrics.usageEvents.inc({ outcome: 'accepted' }, receipt.accepted);
    this.metrics.usageEvents.inc({ outcome: 'rejected' }, receipt.rejected.length);
    return { object: 'usage.receipt', ...receipt };
  }

  /** An event that names no trace belongs to that of its request, so that its booking does too. */
  private async reportTraced(
    events: schemas.UsageReport,
    report: Omit<Report, 'events'>,
    { request, tracing }: { request: GatewayRequest; tracing: Tracing },
  ): Promise<Receipt> {
    const startedMs = performance.now();
    const from = traceOf(request);
    const traced = events.map((event) => inTrace(event, from));
    const receipt = await this.intake.report({ ...report, events: traced });
    for (const event of traced)
      tracing.note({ name: 'usage.intake', from: traceOfEvent(event), attributes: {}, startedMs });
    return receipt;
  }
}

const REPORT: GatewayRoute<UsageReports> = {
  method: 'POST',
  path: '/v1/usage/events',
  operationId: 'UsageEvents.report',
  role: 'gateway',
  scope: 'own',
  summary: 'Put usage on the queue: one CloudEvent or up to 1,000. 422 where none of them can be counted',
  body: schemas.UsageReport,
  usual: ({ params, body, headers }) => {
    const event = binaryEvent(headers, body);
    const events = event === null ? usualReport(body) : [event];
    return events === null ? null : { params, body: events };
  },
  exampleAt: schemas.usageEventAt,
  answers: schemas.UsageReceipt,
  status: 202,
  alsoStatus: 422,
  statusOf: (receipt) => ((receipt as Receipt).accepted === 0 ? 422 : 202),
  bodyBytesMax: BODY_BYTES_MAX,
  consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json'],
  answer: (reports, request: { body: schemas.UsageReport; raw: GatewayRequest }) =>
    reports.report(request.body, request.raw),
};

export const USAGE_ROUTES = [REPORT];

/** What the schema makes of a body that is right; null where it is not. Each event is validated by itself. */
function usualReport(body: unknown): schemas.UsageReport | null {
  if (Array.isArray(body)) return body.length > 0 && body.length <= USAGE_EVENTS_MAX ? body : null;
  return typeof body === 'object' && body !== null ? [body] : null;
}
