/** How much a request holds: the most that it can cost, or what similar requests cost where it does not limit its output. */
import type { Price, PriceUse } from '../domain/price.js';
import { DEFAULT_TIER } from '../domain/service-tier.js';
import {
  dearestPrices,
  isPricedFor,
  worstCasePicos,
  worstCaseWithoutVariants,
} from '../domain/worst-case.js';
import type { Clock } from '../platform/clock.js';
import { Deadlines } from '../platform/deadline.js';
import { isOutage } from '../platform/outage.js';
import type { PriceBook } from '../prices/price-book.js';
import type { LearnedOutputs } from './learned-outputs.js';
import type { HoldRates } from './lease.js';
import type { HoldBasis, ReservationOrder } from './reservation.js';

const PRICE_MS_MAX = 1_000;

/** Of the model's largest output: what is learned is at least a tenth of it. */
const LEARNED_SHARE = 10;

export type HoldSize = {
  /** The most that the request can cost; null where its model has no price or the price could not be read. */
  readonly worstPicos: bigint | null;
  /** Held in place of the worst case while enough is left; null where the request limits its output or nothing was learned. */
  readonly learnedPicos: bigint | null;
  /** A price could not be read. */
  readonly isDegraded: boolean;
  /** The model that was found to have no price; null where each has one, or its price could not be read. */
  readonly unpriced: string | null;
};

const UNREADABLE: HoldSize = { worstPicos: null, learnedPicos: null, isDegraded: true, unpriced: null };

function unpricedSize(model: string): HoldSize {
  return { worstPicos: null, learnedPicos: null, isDegraded: false, unpriced: model };
}

export class HoldSizes {
  private readonly deadlines = new Deadlines();

  constructor(
    private readonly prices: PriceBook,
    private readonly outputs: LearnedOutputs,
    private readonly clock: Clock,
  ) {}

  /**
   * A request whose price cannot be read because Postgres is unavailable holds nothing and is weighed like a check, and so is one
   * of a model without a price, where that is admitted. No promise where the price is in memory, as it nearly always is. One that may
   * run on several models holds what the dearest costs, and `unpriced` names the first that has no price.
   */
  of(order: ReservationOrder): HoldSize | Promise<HoldSize> {
    const { fallbacks } = order;
    if (fallbacks.length === 0) return this.ofModel(order);
    const models = [order.model, ...fallbacks];
    return Promise.all(models.map(async (model) => this.ofModel({ ...order, model }))).then(dearestOf);
  }

  private ofModel(order: ReservationOrder): HoldSize | Promise<HoldSize> {
    const use = { model: order.model, entity: order.subject.entity, at: this.clock.now() };
    const price = this.prices.priceAtHand(use);
    return price === undefined ? this.lookUp(use, order) : this.sizeAt(price, order, use.at);
  }

  /** False also where the price cannot be read. No promise where it is in memory. */
  isUnpriced(use: Omit<PriceUse, 'at'>): boolean | Promise<boolean> {
    const { model, entity } = use;
    const at = this.clock.now();
    const price = this.prices.priceAtHand({ model, entity, at });
    if (price !== undefined) return price === null;
    return this.read({ model, entity, at }).then((read) => read === null);
  }

  private async lookUp(use: PriceUse, order: ReservationOrder): Promise<HoldSize> {
    const price = await this.read(use);
    return price === undefined ? UNREADABLE : this.sizeAt(price, order, use.at);
  }

  private sizeAt(price: Price | null, order: ReservationOrder, from: Date): HoldSize {
    if (price === null || !isPriced(price, order, from)) return unpricedSize(order.model);
    const { maxOutputTokens } = order;
    const worstPicos = worstCaseOf(price, maxOutputTokens, { order, from });
    const learned = maxOutputTokens === null ? this.learnedOf(price, order) : null;
    const likelyPicos = learned === null ? null : worstCaseOf(price, learned, { order, from });
    const learnedPicos = likelyPicos !== null && likelyPicos < worstPicos ? likelyPicos : null;
    return { worstPicos, learnedPicos, isDegraded: false, unpriced: null };
  }

  /** Never below a share of the maximum: a customer that lets its requests look small must not hold next to nothing for large ones. */
  private learnedOf(
    { maxOutputTokens }: Price,
    { model, outputCount, subject: { entity } }: ReservationOrder,
  ): number | null {
    const tokens = this.outputs.tokensOf({ entity, model });
    if (tokens === null) return null;
    return outputCount * Math.max(tokens, Math.ceil(maxOutputTokens / LEARNED_SHARE));
  }

  /**
   * What a gateway needs to compute worst cases itself on a lease: prices that no request of the default tier exceeds which begins
   * within `leaseSeconds` and runs for up to `requestSeconds`. Null where it cannot, because the model has no price or gets another
   * one before the lease ends.
   */
  async ratesOf(
    { subject, model }: Pick<ReservationOrder, 'subject' | 'model'>,
    { leaseSeconds, requestSeconds }: { leaseSeconds: number; requestSeconds: number },
  ): Promise<HoldRates | null> {
    const { entity } = subject;
    const now = this.clock.now();
    const after = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
    const price = await this.read({ model, entity, at: now });
    const last = await this.read({ model, entity, at: after(leaseSeconds) });
    if (price === undefined || price === null || price.id !== last?.id) return null;
    const to = after(leaseSeconds + requestSeconds);
    const dearest = dearestPrices(price, { serviceTier: DEFAULT_TIER, region: null, from: now, to });
    return {
      model,
      inputPicosPerToken: dearest.inputPicos,
      outputPicosPerToken: dearest.outputPicos,
      requestPicos: dearest.requestPicos,
      inputTokensDefault: price.maxInputTokens,
      outputTokensDefault: price.maxOutputTokens,
    };
  }

  /** Undefined where Postgres is unavailable and no book was read before. */
  private async read(use: PriceUse): Promise<Price | null | undefined> {
    try {
      return await this.deadlines.within(PRICE_MS_MAX, this.prices.priceFor(use));
    } catch (error) {
      if (!isOutage(error)) throw error;
      return undefined;
    }
  }
}

/** Of several models. What is learned of the dearest may be less than another's worst case, so it is the dearest of what is likely. */
function dearestOf(sizes: readonly HoldSize[]): HoldSize {
  const worst = sizes.flatMap(({ worstPicos }) => worstPicos ?? []);
  const likely = sizes.flatMap(({ worstPicos, learnedPicos }) => learnedPicos ?? worstPicos ?? []);
  const worstPicos = worst.length === 0 ? null : largest(worst);
  const likelyPicos = likely.length === 0 ? null : largest(likely);
  return {
    worstPicos,
    learnedPicos: likelyPicos !== null && likelyPicos < worstPicos! ? likelyPicos : null,
    isDegraded: sizes.some(({ isDegraded }) => isDegraded),
    unpriced: sizes.find(({ unpriced }) => unpriced !== null)?.unpriced ?? null,
  };
}

function largest(amounts: readonly bigint[]): bigint {
  return amounts.reduce((most, amount) => (amount > most ? amount : most));
}

function worstCaseOf(
  price: Price,
  maxOutputTokens: number | null,
  { order, from }: { order: ReservationOrder; from: Date },
): bigint {
  const { inputTokens, inputBytes: inputTokensMax, inputCount, outputCount } = order;
  const tokens = { inputTokens, inputTokensMax, maxOutputTokens, inputCount, outputCount };
  if (price.variants.length === 0) return worstCaseWithoutVariants(price, tokens);
  return worstCasePicos(price, { ...tokens, ...circumstancesOf(order, from) });
}

/** A tier that has no price of its own is charged the base, and there may be none. */
function isPriced(price: Price, order: ReservationOrder, from: Date): boolean {
  return price.variants.length === 0 || isPricedFor(price, circumstancesOf(order, from));
}

function circumstancesOf({ region, serviceTier, ttlSeconds }: ReservationOrder, from: Date) {
  return {
    serviceTier: serviceTier ?? DEFAULT_TIER,
    region: region?.toLowerCase() ?? null,
    from,
    to: new Date(from.getTime() + ttlSeconds * 1_000),
  };
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
