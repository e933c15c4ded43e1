/** What a batch of rated events adds to each sum. Pure: `UsageSums` writes what this returns. */
import type { BurnSum } from '../domain/burn-order.js';
import { hourOf } from '../domain/period.js';
import type { RatedEvent } from './rated-event.js';

/** What the roll-up of an hour gains, for each project, model, operation, period and price. */
export type HourlySum = {
  readonly entity: string;
  readonly hour: Date;
  readonly project: string;
  readonly model: string;
  readonly operation: string;
  readonly period: string;
  readonly priceId: bigint;
  requests: number;
  inputTokens: bigint;
  cachedInputTokens: bigint;
  outputTokens: bigint;
  reasoningTokens: bigint;
  costPicos: bigint;
  /** The parts of the cost that bought and that promotional credits paid; the rest is overage. */
  paidBurntPicos: bigint;
  promotionalBurntPicos: bigint;
};

/** What the spend of a project, and with it of its entity, gains in a period. */
export type ProjectSum = {
  readonly entity: string;
  readonly period: string;
  readonly project: string;
  costPicos: bigint;
  burntPicos: bigint;
  overagePicos: bigint;
};

export type BatchSums = {
  readonly hourly: readonly HourlySum[];
  readonly spend: readonly ProjectSum[];
  readonly burns: readonly BurnSum[];
};

export function sumBatch(rows: readonly RatedEvent[]): BatchSums {
  const hourly = new Map<string, HourlySum>();
  const spend = new Map<string, ProjectSum>();
  const burns = new Map<string, BurnSum>();
  for (const row of rows) {
    addHourly(hourly, row);
    addSpend(spend, row);
    addBurns(burns, row);
  }
  return { hourly: [...hourly.values()], spend: [...spend.values()], burns: [...burns.values()] };
}

function addHourly(
  sums: Map<string, HourlySum>,
  { event, period, priceId, costPicos, burns }: RatedEvent,
): void {
  const { entity, project, model, operation, tokens } = event;
  const hour = hourOf(event.occurredAt);
  const key = [entity, hour.toISOString(), project, model, operation, period, String(priceId)];
  const sum = at(sums, key, () => ({
    entity,
    hour,
    project,
    model,
    operation,
    period,
    priceId,
    requests: 0,
    inputTokens: 0n,
    cachedInputTokens: 0n,
    outputTokens: 0n,
    reasoningTokens: 0n,
    costPicos: 0n,
    paidBurntPicos: 0n,
    promotionalBurntPicos: 0n,
  }));
  sum.requests += 1;
  sum.inputTokens += BigInt(tokens.inputTokens);
  sum.cachedInputTokens += BigInt(tokens.cachedInputTokens);
  sum.outputTokens += BigInt(tokens.outputTokens);
  sum.reasoningTokens += BigInt(tokens.reasoningTokens);
  sum.costPicos += costPicos;
  for (const { category, amountPicos } of burns) {
    if (category === 'paid') sum.paidBurntPicos += amountPicos;
    else sum.promotionalBurntPicos += amountPicos;
  }
}

function addSpend(sums: Map<string, ProjectSum>, { event, period, costPicos, burns }: RatedEvent): void {
  const { entity, project } = event;
  const sum = at(sums, [entity, period, project], () => ({
    entity,
    period,
    project,
    costPicos: 0n,
    burntPicos: 0n,
    overagePicos: 0n,
  }));
  const burntPicos = burns.reduce((total, burn) => total + burn.amountPicos, 0n);
  sum.costPicos += costPicos;
  sum.burntPicos += burntPicos;
  sum.overagePicos += costPicos - burntPicos;
}

function addBurns(
  sums: Map<string, BurnSum>,
  { event: { entity }, period, costPicos, burns }: RatedEvent,
): void {
  let overagePicos = costPicos;
  const add = (grantId: string | null, amountPicos: bigint): void => {
    at(sums, [entity, period, grantId ?? ''], () => ({
      entity,
      period,
      grantId,
      amountPicos: 0n,
    })).amountPicos += amountPicos;
  };
  for (const burn of burns) {
    add(burn.grantId, burn.amountPicos);
    overagePicos -= burn.amountPicos;
  }
  if (overagePicos > 0n) add(null, overagePicos);
}

/** The sum under a key; no part of a key contains a line feed. */
function at<T>(sums: Map<string, T>, key: readonly string[], empty: () => T): T {
  const name = key.join('\n');
  let sum = sums.get(name);
  if (sum === undefined) sums.set(name, (sum = empty()));
  return sum;
}

/** The same sums with the opposite sign: what events that move elsewhere leave behind. */
export function negated({ hourly, spend }: Pick<BatchSums, 'hourly' | 'spend'>): Omit<BatchSums, 'burns'> {
  return { hourly: hourly.map(negatedHour), spend: spend.map(negatedSpend) };
}

function negatedHour(sum: HourlySum): HourlySum {
  return {
    ...sum,
    requests: -sum.requests,
    inputTokens: -sum.inputTokens,
    cachedInputTokens: -sum.cachedInputTokens,
    outputTokens: -sum.outputTokens,
    reasoningTokens: -sum.reasoningTokens,
    costPicos: -sum.costPicos,
    paidBurntPicos: -sum.paidBurntPicos,
    promotionalBurntPicos: -sum.promotionalBurntPicos,
  };
}

function negatedSpend(sum: ProjectSum): ProjectSum {
  return {
    ...sum,
    costPicos: -sum.costPicos,
    burntPicos: -sum.burntPicos,
    overagePicos: -sum.overagePicos,
  };
}
