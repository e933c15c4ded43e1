/**
 * Learns how large each entity's outputs of a model are from a sample of its booked events, for the holds of requests that do not limit
 * their output. No charge depends on it, so it may miss late events. Nobody's usage changes what another's requests hold.
 */
import { Injectable } from '@nestjs/common';
import { DAY_MS, HOUR_MS } from '../domain/buckets.js';
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

/** The last minute is left to the next sample, because most of its usage is not booked yet. */
const SETTLE_MS = 60_000;
/** How far back a sample goes at most, also the first one. */
const LOOKBACK_MS_MAX = HOUR_MS;
/** Only the newest events of each entity in the time are counted: a sample is enough. */
const EVENTS_OF_ENTITY_MAX = 1_000;

@Injectable()
export class OutputSampling {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Adds new events and returns how many. Each is counted once, however often this runs, also at the same time. */
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
    const sampled = await sampleOutputs(tx, { ...time, limit: EVENTS_OF_ENTITY_MAX });
    for (const { entity, model, outputTokens, requests } of sampled) {
      const tokensMax = classOf(outputTokens);
      const key = `${entity} ${tokensMax} ${model}`;
      sizes.set(key, { entity, model, tokensMax, requests: requests + (sizes.get(key)?.requests ?? 0) });
      count += requests;
    }
    if (count > 0) await addOutputSizes(tx, [...sizes.values()]);
    return count;
  }
}

function dayOf(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}
