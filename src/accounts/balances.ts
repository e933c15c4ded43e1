/** What an entity and its projects have, owe and may spend, in a transaction of the caller's. */
import { Injectable } from '@nestjs/common';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { periodOf, yearOf } from '../domain/period.js';
import type { Tx } from '../platform/database.js';
import { findBalance, findProjectBalances, type BalanceRow, type ProjectBalanceRow } from './balances.sql.js';
import { DEFAULT_PLAN } from './default-plan.js';

export type { BalanceRow, ProjectBalanceRow } from './balances.sql.js';

@Injectable()
export class Balances {
  /** Of the entity; one that nobody has seen has nothing, and the default plan's caps. */
  async find(tx: Tx, { entity, at }: { entity: EntityName; at: Date }): Promise<BalanceRow> {
    const period = periodOf(at);
    return findBalance(tx, { entity, period, year: yearOf(period), at, defaultPlan: DEFAULT_PLAN });
  }

  /** Of one project; null for one that nobody has seen. */
  async ofProject(
    tx: Tx,
    { entity, project, at }: { entity: EntityName; project: ProjectName; at: Date },
  ): Promise<ProjectBalanceRow | null> {
    const [row] = await findProjectBalances(tx, { entity, project, period: periodOf(at) });
    return row ?? null;
  }

  /** Of each of its projects, by name. */
  async ofProjects(tx: Tx, { entity, at }: { entity: EntityName; at: Date }): Promise<ProjectBalanceRow[]> {
    return findProjectBalances(tx, { entity, project: null, period: periodOf(at) });
  }
}
