/** What an entity used, by project and model. */
import { Injectable } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { ReportsDatabase } from '../platform/reports-database.js';
import { sumRatedUsage, type RatedUsage } from './entity-usage.sql.js';
import { sumByMeter, type MeterSum } from './meter-sums.js';

export type EntityUsageRow = {
  readonly project: string;
  readonly model: string;
  readonly requests: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly meters: readonly MeterSum[];
  readonly costPicos: bigint;
};

@Injectable()
export class EntityUsage {
  constructor(
    private readonly database: ReportsDatabase,
    private readonly clock: Clock,
  ) {}

  /** In whole hours, the most expensive first. A bound that is null is that of the current month. */
  async read(of: {
    entity: EntityName;
    start: Date | null;
    end: Date | null;
  }): Promise<{ start: Date; end: Date; rows: EntityUsageRow[] }> {
    const period = periodOf(this.clock.now());
    const start = of.start ?? periodStart(period);
    const end = of.end ?? periodEnd(period);
    const usage = await this.database.read((tx) => sumRatedUsage(tx, { entity: of.entity, start, end }));
    return { start, end, rows: byModel(usage) };
  }
}

/** Adds up the rates of each project and model. Equal costs keep the order of the names. */
function byModel(usage: readonly RatedUsage[]): EntityUsageRow[] {
  const groups = new Map<string, RatedUsage[]>();
  for (const rate of usage) {
    const name = `${rate.project}\n${rate.model}`;
    groups.set(name, [...(groups.get(name) ?? []), rate]);
  }
  const rows = [...groups.values()].map((rates): EntityUsageRow => {
    const { project, model } = rates[0]!;
    const total = (pick: (rate: RatedUsage) => bigint | undefined) =>
      rates.reduce((sum, rate) => sum + (pick(rate) ?? 0n), 0n);
    return {
      project,
      model,
      requests: total((rate) => rate.requests),
      inputTokens: total(({ quantities }) => quantities.input),
      cachedInputTokens: total(({ quantities }) => quantities.cached_input),
      outputTokens: total(({ quantities }) => (quantities.output ?? 0n) + (quantities.reasoning ?? 0n)),
      meters: sumByMeter(rates),
      costPicos: total((rate) => rate.costPicos),
    };
  });
  return rows.sort((a, b) => (a.costPicos === b.costPicos ? 0 : a.costPicos > b.costPicos ? -1 : 1));
}
