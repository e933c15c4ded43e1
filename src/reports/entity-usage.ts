/** What an entity used, by project and model. */
import { Injectable } from '@nestjs/common';
import type { EntityName } from '../domain/ids.js';
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { sumEntityUsage, type EntityUsageRow } from './entity-usage.sql.js';

@Injectable()
export class EntityUsage {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** In whole hours. A bound that is null is that of the current month. */
  async read(of: {
    entity: EntityName;
    start: Date | null;
    end: Date | null;
  }): Promise<{ start: Date; end: Date; rows: EntityUsageRow[] }> {
    const period = periodOf(this.clock.now());
    const start = of.start ?? periodStart(period);
    const end = of.end ?? periodEnd(period);
    const rows = await sumEntityUsage(this.database.reader, { entity: of.entity, start, end });
    return { start, end, rows };
  }
}
