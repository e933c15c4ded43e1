/**
 * Puts refusals into the audit log: calls without the right to make them (403), and changes that were refused. They cannot fill the log:
 * above a bound for each caller, and one for all, refusals are counted in the metrics only. A customer makes keys for itself, so those of
 * one entity are one caller: else ten of them would hide what everybody else is refused.
 */
import { Injectable } from '@nestjs/common';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { insertAuditEntry } from './audit-log.js';
import { attribute, type CallerContext } from './caller-context.js';
import type { EntityName } from '../domain/ids.js';

export const REFUSALS_OF_A_CALLER_MAX = 20;
const REFUSALS_MAX = 200;
const WINDOW_SECONDS = 60;

/** Longer ones are cut. */
const TARGET_CHARACTERS_MAX = 256;

/** What a caller can be refused for; the rest is nobody's attempt. */
const REFUSED: ReadonlySet<string> = new Set([
  'invalid_request',
  'not_found',
  'model_not_found',
  'conflict',
  'idempotency_key_reused',
  'precondition_failed',
  'payload_too_large',
]);

export type Refused = {
  readonly caller: CallerContext;
  readonly entity: EntityName | null;
  /** `POST /v1/admin/keys`. */
  readonly call: string;
  readonly changes: boolean;
};

@Injectable()
export class Refusals {
  private readonly ofCallers = new RateLimiterMemory({
    points: REFUSALS_OF_A_CALLER_MAX,
    duration: WINDOW_SECONDS,
    keyPrefix: 'caller',
  });
  private readonly ofAll = new RateLimiterMemory({
    points: REFUSALS_MAX,
    duration: WINDOW_SECONDS,
    keyPrefix: 'all',
  });

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  /** Writes down a refusal, where `error` is one. Never throws: the caller gets the error that it was refused with. */
  async note(error: unknown, refused: Refused): Promise<void> {
    if (!(error instanceof TallyError)) return;
    const isDenied = error.code === 'insufficient_permissions';
    if (!isDenied && !(refused.changes && REFUSED.has(error.code))) return;
    this.metrics.refusals.inc({ code: error.code });
    if (!(await this.mayWrite(callerOf(refused)))) return;
    try {
      await this.write(error, refused, isDenied ? 'access.denied' : 'access.refused');
    } catch (failure) {
      this.logger.error('a refusal is not in the audit log', failure, {
        request_id: refused.caller.requestId,
      });
    }
  }

  private async mayWrite(caller: string): Promise<boolean> {
    try {
      await this.ofCallers.consume(caller);
      await this.ofAll.consume('');
      return true;
    } catch {
      return false;
    }
  }

  private async write(
    { code, param }: TallyError,
    { caller, entity, call }: Refused,
    action: string,
  ): Promise<void> {
    await this.database.transaction(async (tx) => {
      attribute(tx, caller);
      await insertAuditEntry(tx, {
        at: await this.clock.bookingTime(tx),
        actor: caller.actor,
        action,
        entity,
        target: call.slice(0, TARGET_CHARACTERS_MAX).toWellFormed(),
        before: null,
        after: { code, param: param?.toWellFormed() ?? null },
      });
    });
  }
}

function callerOf({ caller, entity }: Refused): string {
  return entity ?? caller.actor;
}
