/** How a gateway uses Tally: hold what a request may cost, run the model, then report what was used or release the hold. */
import type { Logger } from 'pino';
import {
  usageEvent,
  type LeasedQuota,
  type TallyClient,
  type TokenUsage,
  type TraceContext,
  type UsageOperation,
  type UsageReporter,
  type UsageSource,
} from '@tally/client';
import { overloaded, QuotaDenied } from './openai-error.js';

export interface MeteredCall {
  readonly operation: UsageOperation;
  /** Made by the gateway, so that a completion is charged once, however often its event is sent, and no one else can choose it. */
  readonly eventId: string;
  readonly requestId: string;
  readonly trace: TraceContext;
  /** `entity/project` */
  readonly project: string;
  readonly apiKeyId: string;
  readonly userId?: string | undefined;
  readonly model: string;
  readonly inputTokens?: number | undefined;
  /** Where the tokens are not known: how many bytes the input has, which bounds them. */
  readonly inputBytes?: number | undefined;
  readonly serviceTier?: string | undefined;
  /** Undefined when the caller set no limit: Tally then holds what the model usually writes, at most its maximum. */
  readonly maxOutputTokens?: number | undefined;
  /** How many inputs and outputs there are: where their tokens are not known, each may be as large as the model allows. */
  readonly inputCount?: number | undefined;
  readonly outputCount?: number | undefined;
}

export interface Metered<T> {
  readonly answer: T;
  /** Null where nothing is charged. */
  readonly usage: TokenUsage | null;
  readonly usageSource: UsageSource;
  /** The tier that served, where the model said it beside the usage. */
  readonly serviceTier?: string | null;
}

export interface MeteringOptions {
  /** Decides on reservations: Tally itself, or this process on leases. */
  readonly quota: TallyClient | LeasedQuota;
  readonly reporter: UsageReporter;
  readonly gatewayId: string;
  /** A hold is extended every third of this time, so that a long answer never loses it. */
  readonly holdTtlSeconds: number;
  readonly now: () => Date;
  readonly logger: Logger;
}

const OUTBOX_FILL_MAX = 0.9;

export class Metering {
  private readonly options: MeteringOptions;
  private readonly running = new Set<Promise<unknown>>();

  constructor(options: MeteringOptions) {
    this.options = options;
  }

  /** Throws QuotaDenied if the model may not run. A model that throws costs its caller nothing. */
  async run<T>(call: MeteredCall, model: () => Promise<Metered<T>>): Promise<T> {
    const running = this.holdAndRun(call, model);
    this.running.add(running);
    try {
      return await running;
    } finally {
      this.running.delete(running);
    }
  }

  /** Resolves when all requests in flight have been reported or released: after a hang-up, that is later than the answer. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }

  private async holdAndRun<T>(call: MeteredCall, model: () => Promise<Metered<T>>): Promise<T> {
    const reservationId = await this.reserve(call);
    const extending = setInterval(
      () => void this.extend(reservationId),
      (this.options.holdTtlSeconds * 1000) / 3,
    );
    try {
      const metered = await model();
      const { usage } = metered;
      if (usage === null) await this.release(reservationId);
      else void this.report(call, reservationId, { ...metered, usage });
      return metered.answer;
    } catch (error) {
      await this.release(reservationId);
      throw error;
    } finally {
      clearInterval(extending);
    }
  }

  private async reserve(call: MeteredCall): Promise<string> {
    // A request whose event might find no room must not run. What room is left is for requests in flight.
    if (this.options.reporter.fillRatio() > OUTBOX_FILL_MAX) throw overloaded();
    const { project, model, inputTokens, inputBytes, maxOutputTokens, serviceTier, requestId } = call;
    const { inputCount = 1, outputCount = 1 } = call;
    const admission = await this.options.quota.reserve({
      project,
      model,
      ...(inputTokens !== undefined && { inputTokens }),
      ...(inputBytes !== undefined && { inputBytes }),
      ...(serviceTier !== undefined && { serviceTier }),
      ...(maxOutputTokens !== undefined && { maxOutputTokens }),
      ...(inputCount !== 1 && { inputCount }),
      ...(outputCount !== 1 && maxOutputTokens === undefined && { outputCount }),
      requestId,
      trace: call.trace,
      ttlSeconds: this.options.holdTtlSeconds,
    });
    if (!admission.admitted) throw new QuotaDenied(admission.denial);
    return admission.reservation.id;
  }

  /** The event ends the hold. An event that cannot be delivered is logged whole: the log has the last copy. */
  private async report(
    call: MeteredCall,
    reservationId: string,
    metered: Pick<Metered<unknown>, 'usageSource' | 'serviceTier'> & { usage: TokenUsage },
  ): Promise<void> {
    const { gatewayId, now, quota, reporter, logger } = this.options;
    const { eventId, requestId, project, apiKeyId, userId, model, operation, trace } = call;
    const event = usageEvent({
      id: eventId,
      source: `/gateways/${gatewayId}`,
      project,
      time: now(),
      model,
      operation,
      usage: metered.usage,
      usageSource: metered.usageSource,
      ...(typeof metered.serviceTier === 'string' && { serviceTier: metered.serviceTier }),
      reservationId,
      apiKeyId,
      requestId,
      trace,
      ...(userId !== undefined && { userId }),
    });
    await reporter
      .report(event)
      .catch((error: unknown) => logger.error({ err: error, event }, 'usage event lost'));
    if ('finish' in quota) quota.finish(reservationId);
  }

  /** A failure must not fail the request: the hold expires by itself. */
  private async release(reservationId: string): Promise<void> {
    await this.options.quota
      .release(reservationId)
      .catch((error: unknown) =>
        this.options.logger.warn({ err: error, reservationId }, 'hold not released'),
      );
  }

  private async extend(reservationId: string): Promise<void> {
    const { quota, logger, holdTtlSeconds } = this.options;
    try {
      if (!(await quota.extend(reservationId, holdTtlSeconds)))
        logger.warn({ reservationId }, 'hold is gone');
    } catch (error) {
      logger.warn({ err: error, reservationId }, 'hold not extended');
    }
  }
}
