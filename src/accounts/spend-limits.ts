/** Monthly caps as spend limits: the cap, and whether the month has reached it. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodOf } from '../domain/period.js';
import { Clock } from '../platform/clock.js';
import { Balances } from './balances.js';
import { Database, type Tx } from '../platform/database.js';
import { findProjectCapSpend, type CapSpend } from './spend.sql.js';

/** Without a project, the entity as a whole. */
export type LimitScope = { readonly entity: EntityName; readonly project: ProjectName | null };

export type SpendLimit = {
  readonly thresholdPicos: bigint;
  /** True where the month's spend has reached the limit, so that requests are denied. */
  readonly isReached: boolean;
};

@Injectable()
export class SpendLimits {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly balances: Balances,
  ) {}

  /** Throws `not_found` where there is no limit. In a transaction of the caller's it sees what that has changed. */
  async find(scope: LimitScope, tx: Tx = this.database.reader): Promise<SpendLimit> {
    const spend = await this.capSpend(scope, tx);
    if (spend === null || spend.capPicos === null)
      throw new TallyError('not_found', 'there is no spend limit');
    return { thresholdPicos: spend.capPicos, isReached: spend.spentPicos >= spend.capPicos };
  }

  /** Throws `not_found` for a project that nobody has seen; an entity that nobody has seen has the default plan. */
  async requireScope({ entity, project }: LimitScope, tx: Tx): Promise<void> {
    if (project !== null && (await this.capSpend({ entity, project }, tx)) === null) {
      throw new TallyError('not_found', `no project ${project}`, { param: 'project' });
    }
  }

  private async capSpend({ entity, project }: LimitScope, tx: Tx): Promise<CapSpend | null> {
    const at = this.clock.now();
    if (project !== null) return findProjectCapSpend(tx, { entity, project, period: periodOf(at) });
    const balance = await this.balances.find(tx, { entity, at });
    return { capPicos: balance.monthlyCapPicos, spentPicos: balance.monthPicos };
  }
}
