/** How much a request holds: the most that it can cost, or what its like have cost where it does not say how much it may generate. */
import { dearestInputPicosPerToken, worstCasePicos, type Price } from '../domain/price.js';
import type { Clock } from '../platform/clock.js';
import { isOutage } from '../platform/outage.js';
import { DeadlineError, within } from '../platform/deadline.js';
import type { HoldBasis, ReserveOrder } from './decision.js';
import type { LearnedOutputs } from './learned-outputs.js';
import type { HoldRates } from './lease.js';
import type { PriceSource, PriceUse } from './price-source.js';

const PRICE_MS_MAX = 1_000;

export type Size = {
  /** Null where no price is known. */
  readonly worstPicos: bigint | null;
  /** Below the worst case; null where the request names its maximum, or nothing is learned. */
  readonly learnedPicos: bigint | null;
  /** The price could not be read. */
  readonly degraded: boolean;
};

const UNKNOWN: Size = { worstPicos: null, learnedPicos: null, degraded: false };

export class HoldSize {
  constructor(
    private readonly prices: PriceSource,
    private readonly outputs: LearnedOutputs,
    private readonly clock: Clock,
  ) {}

  /**
   * A model without a price is no reason to refuse: its usage is kept and charged when the price comes. It holds nothing, so
   * it is weighed like a check. So is a request whose price cannot be read because Postgres is away. No promise where the price
   * is at hand, as it nearly always is.
   */
  of(order: ReserveOrder): Size | Promise<Size> {
    const use = { model: order.model, entity: order.subject.entity, at: this.clock.now() };
    const price = this.prices.priceAtHand(use);
    return price === undefined ? this.lookUp(use, order) : this.sizeAt(price, order);
  }

  private async lookUp(use: PriceUse, order: ReserveOrder): Promise<Size> {
    try {
      return this.sizeAt(await within(PRICE_MS_MAX, this.prices.priceFor(use)), order);
    } catch (error) {
      if (!isAway(error)) throw error;
      return { worstPicos: null, learnedPicos: null, degraded: true };
    }
  }

  private sizeAt(price: Price | null, { model, inputTokens, maxOutputTokens }: ReserveOrder): Size {
    if (price === null) return UNKNOWN;
    const worstPicos = worstCasePicos(price, { inputTokens, maxOutputTokens });
    const learned = maxOutputTokens === undefined ? this.outputs.tokensOf(model) : null;
    const likelyPicos =
      learned === null ? null : worstCasePicos(price, { inputTokens, maxOutputTokens: learned });
    const learnedPicos = likelyPicos !== null && likelyPicos < worstPicos ? likelyPicos : null;
    return { worstPicos, learnedPicos, degraded: false };
  }

  /**
   * What a gateway needs to compute worst cases by itself for so long. Null where it cannot: the model has no price, or
   * another one before that time is over.
   */
  async ratesOf(
    { subject, model }: Pick<ReserveOrder, 'subject' | 'model'>,
    seconds: number,
  ): Promise<HoldRates | null> {
    const now = this.clock.now();
    const then = new Date(now.getTime() + seconds * 1_000);
    const price = await this.priceOrNull({ model, entity: subject.entity, at: now });
    const last = await this.priceOrNull({ model, entity: subject.entity, at: then });
    if (price === null || price.id !== last?.id) return null;
    return {
      model,
      inputPicosPerToken: dearestInputPicosPerToken(price),
      outputPicosPerToken: price.outputPicosPerToken,
      inputTokensDefault: price.maxInputTokens,
      outputTokensDefault: price.maxOutputTokens,
    };
  }

  private async priceOrNull(use: PriceUse): Promise<Price | null> {
    try {
      return await within(PRICE_MS_MAX, this.prices.priceFor(use));
    } catch (error) {
      if (!isAway(error)) throw error;
      return null;
    }
  }
}

/** By what a hold was sized. */
export function basisOf(order: ReserveOrder, { worstPicos }: Size, holdPicos: bigint): HoldBasis {
  if (worstPicos === null) return 'none';
  if (order.maxOutputTokens !== undefined) return 'requested';
  return holdPicos < worstPicos ? 'learned' : 'maximum';
}

function isAway(error: unknown): boolean {
  return error instanceof DeadlineError || isOutage(error);
}
