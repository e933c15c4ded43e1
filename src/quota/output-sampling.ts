/**
 * Learns how large each model's outputs are, from a sample of what was booked: what a request holds that does not say how much it
 * may generate. Nothing is charged by it, so it may miss what comes late, and it costs the recorder nothing.
 */
import { Injectable } from '@nestjs/common';
import { classOf } from './output-sizes.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import {
  addOutputSizes,
  halveOutputSizes,
  lockSampling,
  sampleOutputs,
  setSampledUntil,
  type ModelOutputSize,
} from './output-sizes.sql.js';

/** Usage of the last minute is left for the next time: most of it is not booked yet. */
const SETTLE_MS = 60_000;
/** The furthest back that a sample goes, the first one included. */
const LOOKBACK_MS_MAX = 24 * 3_600_000;
/** The newest events of the time: a sample is enough. */
const EVENTS_MAX = 20_000;
const DAY_MS = 24 * 3_600_000;

@Injectable()
export class OutputSampling {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Adds what is new and returns how many events it saw. Each is seen once, however often and at once it runs. */
  async sample(): Promise<number> {
    return this.database.transaction(async (tx) => {
      const now = await this.clock.bookingTime(tx);
      const to = new Date(now.getTime() - SETTLE_MS);
      const earliest = new Date(to.getTime() - LOOKBACK_MS_MAX);
      const seenUntil = await lockSampling(tx, earliest);
      if (seenUntil >= to) return 0;
      if (dayOf(seenUntil) !== dayOf(to)) await halveOutputSizes(tx);
      const from = seenUntil > earliest ? seenUntil : earliest;
      const count = await this.add(tx, { from, to });
      await setSampledUntil(tx, to);
      return count;
    });
  }

  private async add(tx: Tx, time: { from: Date; to: Date }): Promise<number> {
    const sizes = new Map<string, ModelOutputSize>();
    let count = 0;
    for (const { model, outputTokens, requests } of await sampleOutputs(tx, { ...time, limit: EVENTS_MAX })) {
      const tokensMax = classOf(outputTokens);
      const key = `${tokensMax} ${model}`;
      sizes.set(key, { model, tokensMax, requests: requests + (sizes.get(key)?.requests ?? 0) });
      count += requests;
    }
    if (count > 0) await addOutputSizes(tx, [...sizes.values()]);
    return count;
  }
}

function dayOf(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}
