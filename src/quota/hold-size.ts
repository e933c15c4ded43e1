/** How much a request holds: the most that it can cost, by the price in force. */
import { worstCasePicos } from '../domain/price.js';
import type { Clock } from '../infra/clock.js';
import { isOutage } from '../infra/outage.js';
import { DeadlineError, within } from './deadline.js';
import type { ReserveOrder } from './decision.js';
import type { PriceSource } from './price-source.js';

const PRICE_MS_MAX = 1_000;

export class HoldSize {
  constructor(
    private readonly prices: PriceSource,
    private readonly clock: Clock,
  ) {}

  /**
   * A model without a price is no reason to refuse: its usage is kept and charged when the price comes. It holds nothing, so
   * it is weighed like a check. So is a request whose price cannot be read because Postgres is away.
   */
  async of(order: ReserveOrder): Promise<{ holdPicos: bigint | null; degraded: boolean }> {
    const { subject, model, inputTokens, maxOutputTokens } = order;
    const use = { model, entity: subject.entity, at: this.clock.now() };
    try {
      const price = await within(PRICE_MS_MAX, this.prices.priceFor(use));
      const tokens = {
        ...(inputTokens === undefined ? {} : { inputTokens }),
        ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
      };
      return { holdPicos: price === null ? null : worstCasePicos(price, tokens), degraded: false };
    } catch (error) {
      if (!(error instanceof DeadlineError) && !isOutage(error)) throw error;
      return { holdPicos: null, degraded: true };
    }
  }
}
