/** LiteLLM's generic_api logger: usage of a proxy without code of its own. It reports what has run; it cannot deny a request. */
import { Controller, Query, Res } from '@nestjs/common';
import { USAGE_EVENTS_MAX } from '@tally/client/protocol';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../../access/principal.js';
import { BodyStream, type StreamedBody } from '../../http/body-stream.js';
import { Route } from '../../http/route.js';
import { LitellmLogs } from './litellm-logs.js';
import { readRecords } from './log-records.js';
import { KEPT } from './litellm-log.js';
import * as schemas from './litellm.schema.js';

/** 1,000 records with conversations of 64 KiB. They are skipped as they arrive, so memory holds a small part of it. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

@Controller()
export class LitellmController {
  constructor(private readonly logs: LitellmLogs) {}

  @Route('POST /v1/usage/litellm', {
    scope: 'own',
    role: 'gateway',
    summary:
      "Put usage on the queue that LiteLLM's generic_api logger sends: up to 1,000 logs. 422 where none of them can be counted",
    answers: schemas.LitellmReceipt,
    status: 202,
    alsoStatus: 422,
    isHot: true,
    streamsBody:
      "LiteLLM's StandardLoggingPayload: a JSON array, one object, or one object a line, up to 64 MiB. Conversations are dropped unread",
    alsoConsumes: ['application/x-ndjson'],
  })
  async report(
    @BodyStream() body: StreamedBody,
    @Query({ schema: schemas.LitellmQuery }) { subject, source: proxy }: schemas.LitellmQuery,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<schemas.LitellmReceipt> {
    const bounds = { bytesMax: BODY_BYTES_MAX, recordsMax: USAGE_EVENTS_MAX };
    const records = await readRecords(body.chunks, KEPT, bounds);
    const settings = { subject, proxy: proxy ?? null, source: caller.source ?? '/litellm' };
    const receipt = await this.logs.report(records, settings, caller);
    if (receipt.accepted === 0 && receipt.rejected.length > 0) void reply.code(422);
    return { object: 'usage.receipt', ...receipt };
  }
}
