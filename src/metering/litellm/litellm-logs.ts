/** Logs of LiteLLM become events and go the way of all reported usage. */
import { Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { TallyError } from '../../domain/errors.js';
import { Metrics } from '../../platform/metrics.js';
import { FOREIGN_LOG, foreignLogOf } from '../foreign-logs.js';
import { UsageIntake, type Rejection } from '../usage-intake.js';
import { isLitellmLog, readLog, type LeftOut, type LogReading, type LogSettings } from './litellm-log.js';

export type LogsReceipt = {
  readonly accepted: number;
  readonly rejected: Rejection[];
  readonly left_out: { readonly index: number; readonly id: string | null; readonly reason: LeftOut }[];
};

type NotedEvent = Extract<LogReading, { kind: 'event' }>;

@Injectable()
export class LitellmLogs {
  constructor(
    private readonly intake: UsageIntake,
    private readonly metrics: Metrics,
  ) {}

  /** Resolves when Redis has the events. Reporting the same logs again is safe. */
  async report(records: readonly unknown[], settings: LogSettings, caller: Principal): Promise<LogsReceipt> {
    if (records.length === 0) throw new TallyError('invalid_request', 'The request body has no logs');
    const readings = records.map((record) => read(record, settings));
    const rejected: Rejection[] = [];
    const leftOut: LogsReceipt['left_out'] = [];
    /** The event of each place in the body that has one. */
    const events = new Map<number, NotedEvent>();
    for (const [index, reading] of readings.entries()) {
      if (reading.kind === 'event') events.set(index, reading);
      else if (reading.kind === 'left_out') leftOut.push({ index, id: reading.id, reason: reading.reason });
      else rejected.push({ index, id: reading.id, code: reading.code, message: reading.message });
    }
    const counted = await this.send(events, caller);
    rejected.push(...counted.rejected);
    rejected.sort((one, other) => one.index - other.index);
    this.metrics.usageEvents.inc({ outcome: 'accepted' }, counted.accepted);
    this.metrics.usageEvents.inc({ outcome: 'rejected' }, rejected.length);
    return { accepted: counted.accepted, rejected, left_out: leftOut };
  }

  private async send(events: ReadonlyMap<number, NotedEvent>, caller: Principal) {
    if (events.size === 0) return { accepted: 0, rejected: [] };
    const places = [...events.entries()];
    const bodies = places.map(([, { event }]) => event);
    const bytes = Buffer.byteLength(JSON.stringify(bodies));
    const { keyId, entity: scope, source } = caller;
    const { accepted, rejected } = await this.intake.report({ events: bodies, bytes, keyId, scope, source });
    const explained = rejected.map((each) => {
      const [index, { note }] = places[each.index]!;
      return { ...each, index, message: each.code === note?.code ? note.message : each.message };
    });
    return { accepted, rejected: explained };
  }
}

function read(record: unknown, settings: LogSettings): LogReading {
  if (isLitellmLog(record)) return readLog(record, settings);
  const message =
    foreignLogOf(record) ?? "must be LiteLLM's StandardLoggingPayload, with litellm_call_id and call_type";
  return { kind: 'refused', id: null, code: FOREIGN_LOG, message };
}
