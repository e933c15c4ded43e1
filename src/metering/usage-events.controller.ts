/** Gateways: usage over HTTP, for those that do not put it on the queue themselves. */
import { Body, Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Metrics } from '../platform/metrics.js';
import { UsageIntake } from './usage-intake.js';
import { Caller, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './usage-events.schema.js';

@Controller()
export class UsageEventsController {
  constructor(
    private readonly intake: UsageIntake,
    private readonly metrics: Metrics,
  ) {}

  @Route('POST /v1/usage/events', {
    role: 'gateway',
    summary: 'Put usage on the queue: one CloudEvent or up to 1,000. 422 where none of them can be counted',
    answers: schemas.UsageReceipt,
    status: 202,
    consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json'],
  })
  async report(
    @Body({ schema: schemas.UsageReport }) events: schemas.UsageReport,
    @Caller() caller: Principal,
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    // Only a body that is sent in chunks does not say how long it is.
    const bytes = Number(headers['content-length'] ?? JSON.stringify(events).length);
    const { keyId, entity: scope } = caller;
    const receipt = await this.intake.report({ events, bytes, keyId, scope });
    this.metrics.usageEvents.inc({ outcome: 'accepted' }, receipt.accepted);
    this.metrics.usageEvents.inc({ outcome: 'rejected' }, receipt.rejected.length);
    if (receipt.accepted === 0) reply.status(422);
    return { object: 'usage.receipt', ...receipt };
  }
}
