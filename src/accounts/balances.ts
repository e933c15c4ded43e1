/** What an entity and its projects have, owe and may spend. What requests in flight hold is not in it: Redis knows that. */
import { Injectable } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodOf, yearOf } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { findBalance, findProjectBalances, type BalanceRow, type ProjectBalanceRow } from './balances.sql.js';
import { DEFAULT_PLAN } from './default-plan.js';

export type { BalanceRow, ProjectBalanceRow } from './balances.sql.js';

@Injectable()
export class Balances {
  /** An unknown entity has nothing, and the default plan's caps. */
  async find(tx: Tx, { entity, at }: { entity: EntityName; at: Date }): Promise<BalanceRow> {
    const period = periodOf(at);
    return findBalance(tx, { entity, period, year: yearOf(period), at, defaultPlan: DEFAULT_PLAN });
  }

  /** Null for an unknown project. */
  async ofProject(
    tx: Tx,
    { entity, project, at }: { entity: EntityName; project: ProjectName; at: Date },
  ): Promise<ProjectBalanceRow | null> {
    const [row] = await findProjectBalances(tx, { entity, project, period: periodOf(at) });
    return row ?? null;
  }

  /** Every project of the entity, by name. */
  async ofProjects(tx: Tx, { entity, at }: { entity: EntityName; at: Date }): Promise<ProjectBalanceRow[]> {
    return findProjectBalances(tx, { entity, project: null, period: periodOf(at) });
  }
}
