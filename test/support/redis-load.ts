/** Requests and usage over the queue while a test does something to Redis. */
import { usageEvent } from '../../packages/client/src/protocol/usage-event.js';
import { queueReporter } from '../../packages/client/src/queue-reporter.js';
import type { TestApp } from './app.js';
import { LLAMA } from './builders.js';
import { reserve } from './redis-worlds.js';
import { until } from './until.js';

/** What each reported request costs: 150 tokens at $0.71 a million. */
export const LOAD_EVENT_PICOS = 106_500_000n;

export type Load = {
  /** Resolves when so many more requests have been answered. */
  goesOn(what: string, count?: number): Promise<void>;
  isLimited(): boolean;
  /** How many requests there have been. */
  asked(): number;
  /** Returns how many were reported, and how often each status was answered. */
  stop(): Promise<{ reported: number; statuses: ReadonlyMap<number, number> }>;
};

/** These customers ask and report until they are stopped. */
export async function aLoad(
  app: TestApp,
  redisUrl: string,
  customers: readonly string[],
  name = 'load',
): Promise<Load> {
  const reporter = await queueReporter({ redisUrl });
  const state = { isOn: true, asked: 0, statuses: new Map<number, number>(), reports: [] as Promise<void>[] };
  const run = async (customer: string): Promise<void> => {
    while (state.isOn) {
      const id = `${name}-${(state.asked += 1)}`;
      const { status, body } = await reserve(app, customer, id);
      state.statuses.set(status, (state.statuses.get(status) ?? 0) + 1);
      if (status !== 201) continue;
      const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
      const facts = { id, source: '/gateways/load', project: `${customer}/project1`, time: app.clock.now() };
      state.reports.push(
        reporter.report(
          usageEvent({ ...facts, model: LLAMA, operation: 'chat', usage, reservationId: body.id }),
        ),
      );
    }
  };
  const runs = customers.map(run);
  return {
    goesOn(what, count = 40) {
      const before = state.asked;
      return until(what, () => state.asked > before + count);
    },
    asked: () => state.asked,
    isLimited: () => state.statuses.has(429),
    async stop() {
      state.isOn = false;
      await Promise.all(runs);
      await Promise.all(state.reports);
      await reporter.close();
      return { reported: state.reports.length, statuses: state.statuses };
    },
  };
}
