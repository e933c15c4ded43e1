/** How much a request holds: the most that it can cost, or what similar requests cost where it does not limit its output. */
import { dearestInputPicosPerToken, worstCasePicos, type Price, type PriceUse } from '../domain/price.js';
import type { Clock } from '../platform/clock.js';
import { isUnavailable } from '../platform/unavailable.js';
import { DeadlineError, Deadlines } from '../platform/deadline.js';
import type { PriceBook } from '../prices/price-book.js';
import type { LearnedOutputs } from './learned-outputs.js';
import type { HoldRates } from './lease.js';
import type { HoldBasis, ReservationOrder } from './reservation.js';

const PRICE_MS_MAX = 1_000;

export type HoldSize = {
  /** The most that the request can cost; null where its model has no price or the price could not be read. */
  readonly worstPicos: bigint | null;
  /** Held in place of the worst case while enough is left; null where the request limits its output or nothing was learned. */
  readonly learnedPicos: bigint | null;
  /** The price could not be read. */
  readonly isDegraded: boolean;
};

const UNPRICED: HoldSize = { worstPicos: null, learnedPicos: null, isDegraded: false };

export class HoldSizes {
  private readonly deadlines = new Deadlines();

  constructor(
    private readonly prices: PriceBook,
    private readonly outputs: LearnedOutputs,
    private readonly clock: Clock,
  ) {}

  /**
   * A model without a price is no reason to refuse: its usage is kept and charged when the price comes. It holds nothing and
   * is weighed like a check, and so is a request whose price cannot be read because Postgres is unavailable. No promise where
   * the price is in memory, as it nearly always is.
   */
  of(order: ReservationOrder): HoldSize | Promise<HoldSize> {
    const use = { model: order.model, entity: order.subject.entity, at: this.clock.now() };
    const price = this.prices.priceAtHand(use);
    return price === undefined ? this.lookUp(use, order) : this.sizeAt(price, order);
  }

  private async lookUp(use: PriceUse, order: ReservationOrder): Promise<HoldSize> {
    try {
      return this.sizeAt(await this.deadlines.within(PRICE_MS_MAX, this.prices.priceFor(use)), order);
    } catch (error) {
      if (!isPriceUnreadable(error)) throw error;
      return { worstPicos: null, learnedPicos: null, isDegraded: true };
    }
  }

  private sizeAt(price: Price | null, { model, inputTokens, maxOutputTokens }: ReservationOrder): HoldSize {
    if (price === null) return UNPRICED;
    const worstPicos = worstCasePicos(price, { inputTokens, maxOutputTokens });
    const learned = maxOutputTokens === null ? this.outputs.tokensOf(model) : null;
    const likelyPicos =
      learned === null ? null : worstCasePicos(price, { inputTokens, maxOutputTokens: learned });
    const learnedPicos = likelyPicos !== null && likelyPicos < worstPicos ? likelyPicos : null;
    return { worstPicos, learnedPicos, isDegraded: false };
  }

  /**
   * What a gateway needs to compute worst cases itself for so many seconds. Null where it cannot, because the model has no price
   * or gets another one before then.
   */
  async ratesOf(
    { subject, model }: Pick<ReservationOrder, 'subject' | 'model'>,
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
      return await this.deadlines.within(PRICE_MS_MAX, this.prices.priceFor(use));
    } catch (error) {
      if (!isPriceUnreadable(error)) throw error;
      return null;
    }
  }
}

/** What the size of a hold was based on. */
export function basisOf(
  { maxOutputTokens }: ReservationOrder,
  { worstPicos, learnedPicos }: HoldSize,
  holdPicos: bigint,
): HoldBasis {
  if (worstPicos === null) return 'none';
  // A repeated request keeps the hold that it made before its model had a price.
  if (holdPicos === 0n && worstPicos > 0n && learnedPicos !== 0n) return 'none';
  if (maxOutputTokens !== null) return 'requested';
  return holdPicos < worstPicos ? 'learned' : 'maximum';
}

function isPriceUnreadable(error: unknown): boolean {
  return error instanceof DeadlineError || isUnavailable(error);
}
