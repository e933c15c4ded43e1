/**
 * Rebuilds what is derived from an entity's events, corrections and ledger: roll-ups, spend, grants, and after the commit its state in
 * Redis. Events, corrections and ledger are the truth and never change. Daily roll-ups are invalidated, and upkeep rebuilds them.
 */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { sumsFromColumns } from '../domain/meter-charges.js';
import { Clock } from '../platform/clock.js';
import { Accounts } from '../accounts/accounts.js';
import { insertAuditEntry } from '../access/audit-log.js';
import { findLedgerBreak } from '../access/chains.js';
import { DailyRollUps } from '../periods/daily-roll-ups.js';
import { Database, type Tx } from '../platform/database.js';
import {
  findGrantDifferences,
  findHourlyDifferences,
  findSpendDifferences,
  setEntitySpend,
  setGrants,
  setProjectSpend,
  type Difference,
} from './repair.sql.js';
import type { HourlySum } from '../metering/batch-sums.js';
import { keepMonths } from '../metering/dropped-months.js';
import { UsageSums } from '../metering/usage-sums.js';

/** How many differences an answer and the audit log list; both have the count of all. */
export const LISTED_MAX = 100;

export type Change = Difference & { readonly projection: string };

export type RepairReport = {
  readonly entity: string;
  /** How many rows differ; `changes` lists the first of them. */
  readonly changed: number;
  readonly changes: readonly Change[];
};

@Injectable()
export class Repair {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: Accounts,
    private readonly sums: UsageSums,
    private readonly days: DailyRollUps,
  ) {}

  /** What `repair` would change. Changes nothing. */
  async preview(entity: string): Promise<RepairReport> {
    const compare = async (tx: Tx) => {
      await keepMonths(tx);
      return (await this.compare(tx, entity)).repair;
    };
    return this.database.transaction(compare, { snapshot: true });
  }

  /** Runs in the caller's transaction under the entity's lock, so that bookings wait and none is lost. */
  async repair(tx: Tx, { entity, actor }: { entity: string; actor: string }): Promise<RepairReport> {
    const at = await this.clock.bookingTime(tx);
    await this.accounts.lock(tx, [entity]);
    const { repair, hourly, spend, grants } = await this.compare(tx, entity);
    if (grants.some(({ after }) => after['remaining_picos']!.startsWith('-'))) {
      throw new TallyError('conflict', `the ledger of ${entity} takes more from a grant than it ever had`);
    }
    await this.sums.replace(tx, hourly.map(toHourlySum));
    await this.days.invalidate(tx, entity);
    await setEntitySpend(tx, spend.entities);
    await setProjectSpend(tx, spend.projects);
    await setGrants(tx, entity, grants);
    await this.accounts.raiseVersions(tx, [entity]);
    await insertAuditEntry(tx, {
      at,
      actor,
      action: 'reconciliation.repair',
      entity,
      target: null,
      before: { changed: repair.changed },
      after: { changes: repair.changes },
    });
    return repair;
  }

  private async compare(tx: Tx, entity: string) {
    if (!(await this.accounts.exists(tx, entity))) {
      throw new TallyError('not_found', `no entity ${entity}`, { param: 'entity' });
    }
    // What grants have left would be rebuilt from a ledger that somebody has changed.
    const broken = await findLedgerBreak(tx, entity);
    if (broken !== null)
      throw new TallyError(
        'conflict',
        `the ledger of ${entity} is not as it was written, from entry ${broken} on: restore it first`,
      );
    const hourly = await findHourlyDifferences(tx, entity);
    const spend = await findSpendDifferences(tx, entity);
    const grants = await findGrantDifferences(tx, entity);
    const named = (projection: string, rows: readonly Difference[]): Change[] =>
      rows.map(({ key, before, after }) => ({ projection, key, before, after }));
    const all = [
      ...named('credit_grants', grants),
      ...named('entity_spend', spend.entities),
      ...named('project_spend', spend.projects),
      ...named('usage_hourly', hourly),
    ];
    const repair: RepairReport = { entity, changed: all.length, changes: all.slice(0, LISTED_MAX) };
    return { repair, hourly, spend, grants };
  }
}

function toHourlySum({ hour, key, after }: Difference & { hour: Date }): HourlySum {
  return {
    entity: key['entity']!,
    hour,
    project: key['project']!,
    model: key['model']!,
    operation: key['operation']!,
    serviceTier: key['service_tier']!,
    period: key['period']!,
    rateId: BigInt(key['rate_id']!),
    requests: Number(after['requests']),
    quantities: sumsFromColumns({
      inputTokens: BigInt(after['input_tokens']!),
      cachedInputTokens: BigInt(after['cached_input_tokens']!),
      outputTokens: BigInt(after['output_tokens']!),
      reasoningTokens: BigInt(after['reasoning_tokens']!),
      otherQuantities: JSON.parse(after['other_quantities']!),
    }),
    costPicos: BigInt(after['cost_picos']!),
    paidBurntPicos: BigInt(after['paid_burnt_picos']!),
    promotionalBurntPicos: BigInt(after['promotional_burnt_picos']!),
  };
}
