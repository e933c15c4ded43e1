/** A monthly cap as a spend limit: the cap, and whether the month's spend has reached it. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Balances } from './balances.js';
import { Entities } from './entities.js';
import { Projects } from './projects.js';

/** Without a project it is the entity as a whole. */
export type LimitScope = { readonly entity: EntityName; readonly project: ProjectName | null };

export type SpendLimit = {
  readonly thresholdPicos: bigint;
  /** True when the month's spend has reached the limit: requests are denied. */
  readonly isReached: boolean;
};

@Injectable()
export class SpendLimits {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly balances: Balances,
    private readonly entities: Entities,
    private readonly projects: Projects,
  ) {}

  /** Throws `not_found` where there is no limit. With a transaction, it sees that transaction's changes. */
  async find(scope: LimitScope, tx: Tx = this.database.reader): Promise<SpendLimit> {
    const balance = await this.balanceOf(scope, tx);
    const cap = balance?.monthlyCapPicos ?? null;
    if (balance === null || cap === null) throw new TallyError('not_found', 'there is no spend limit');
    return { thresholdPicos: cap, isReached: balance.monthPicos >= cap };
  }

  async set(tx: Tx, scope: LimitScope, to: { capPicos: bigint; actor: string }): Promise<SpendLimit> {
    await this.change(tx, scope, to);
    return this.find(scope, tx);
  }

  /**
   * Lifting again is no error, because a client that got no answer repeats its call. Throws `not_found` for an unknown project; an
   * unknown entity is created, without the default plan's cap.
   */
  async lift(tx: Tx, scope: LimitScope, { actor }: { actor: string }): Promise<void> {
    if ((await this.balanceOf(scope, tx)) === null) {
      throw new TallyError('not_found', `no project ${scope.project}`, { param: 'project' });
    }
    await this.change(tx, scope, { capPicos: null, actor });
  }

  private async change(
    tx: Tx,
    { entity, project }: LimitScope,
    { capPicos, actor }: { capPicos: bigint | null; actor: string },
  ): Promise<void> {
    const change = { monthlyCapPicos: capPicos };
    if (project === null) await this.entities.changeLimits(tx, { entity, change, actor });
    else await this.projects.changeLimits(tx, { entity, project, change, actor });
  }

  /** Null for an unknown project. */
  private async balanceOf({ entity, project }: LimitScope, tx: Tx) {
    const at = this.clock.now();
    if (project === null) return this.balances.find(tx, { entity, at });
    return this.balances.ofProject(tx, { entity, project, at });
  }
}
