/**
 * Monthly limits as OpenAI's API has them. An admin's call reads and sets the cap; a customer's own call its own spend limit, which
 * stands beside the cap: the lower one counts, and neither call reaches the other's. Everybody else reads the one that counts.
 */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { KeyRole } from '../domain/key-roles.js';
import { centsBelow, picosFromCents } from '../domain/money.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import { Balances } from './balances.js';
import { Entities, type Expectation } from './entities.js';
import { Projects } from './projects.js';

/** Without a project it is the entity as a whole. `role` is the caller's. */
export type LimitScope = {
  readonly entity: EntityName;
  readonly project: ProjectName | null;
  readonly role: KeyRole;
};

export type SpendLimit = {
  readonly thresholdPicos: bigint;
  /** The cap of the plan, the cap that an admin has set instead, or the customer's own spend limit. */
  readonly source: 'plan' | 'own' | 'owner';
  /** True when the month's spend has reached the limit: requests are denied. */
  readonly isReached: boolean;
};

/** In whole cents, exactly, or both, which must agree. */
export type Threshold = { readonly cents: number; readonly picos: bigint | undefined };

type Order = { readonly actor: string; readonly expected: Expectation<SpendLimit> };

type Found = {
  readonly capPicos: bigint | null;
  readonly isOwn: boolean;
  readonly ownersPicos: bigint | null;
};

/** An owner makes no further projects by limiting them: balances list all of an entity's. */
export const PROJECTS_MAX = 1_000;

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
    const limit = await this.current(scope, tx);
    if (limit === null) throw noLimit();
    return limit;
  }

  /** A project that does not exist yet is created: a limit may be set before its first request. */
  async set(tx: Tx, scope: LimitScope, { to, ...order }: Order & { to: Threshold }): Promise<SpendLimit> {
    const { entity, project } = scope;
    const projectsMax = scope.role === 'owner' ? PROJECTS_MAX : null;
    if (project !== null) await this.projects.ensure(tx, { entity, project }, { projectsMax });
    const before = await this.locked(tx, scope);
    order.expected(before);
    await this.change(tx, scope, { picos: picosOf(to, before?.thresholdPicos ?? null), actor: order.actor });
    return this.find(scope, tx);
  }

  /** Removes the limit that the caller may set: the plan's counts again. Throws `not_found` where there is none. */
  async remove(tx: Tx, scope: LimitScope, order: Order): Promise<void> {
    const before = await this.locked(tx, scope);
    const { isOwn, ownersPicos } = await this.read(scope, tx);
    if (scope.role === 'owner' ? ownersPicos === null : !isOwn) throw noLimit();
    order.expected(before);
    await this.change(tx, scope, { picos: null, actor: order.actor });
  }

  /** Takes the entity's lock first, so that what is read stays so until the change. */
  private async locked(tx: Tx, scope: LimitScope): Promise<SpendLimit | null> {
    await this.entities.lockKnown(tx, scope.entity);
    return this.current(scope, tx);
  }

  /** `picos` null removes the limit. */
  private async change(
    tx: Tx,
    { entity, project, role }: LimitScope,
    { picos, actor }: { picos: bigint | null; actor: string },
  ): Promise<void> {
    const expected = () => {};
    if (role === 'owner') {
      const order = { entity, spendLimitPicos: picos, actor, expected };
      if (project === null) await this.entities.setSpendLimit(tx, order);
      else await this.projects.setSpendLimit(tx, { ...order, project });
      return;
    }
    const order = { entity, change: { monthlyCapPicos: picos ?? 'inherit' } as const, actor, expected };
    if (project === null) await this.entities.changeLimits(tx, order);
    else await this.projects.changeLimits(tx, { ...order, project });
  }

  private async current(scope: LimitScope, tx: Tx): Promise<SpendLimit | null> {
    const limit = chosenBy(scope.role, await this.read(scope, tx));
    if (limit === null) return null;
    return { ...limit, isReached: (await this.monthOf(scope, tx)) >= limit.thresholdPicos };
  }

  private async read({ entity, project }: LimitScope, tx: Tx): Promise<Found> {
    if (project !== null) {
      const row = await this.projects.find({ entity, project }, tx);
      const { monthlyCapPicos: capPicos, spendLimitPicos: ownersPicos } = row;
      return { capPicos, isOwn: capPicos !== null, ownersPicos };
    }
    const row = await this.entities.find(entity, tx);
    const isOwn = row.ownLimits.includes('monthlyCapPicos');
    return { capPicos: row.monthlyCapPicos, isOwn, ownersPicos: row.spendLimitPicos };
  }

  private async monthOf({ entity, project }: LimitScope, tx: Tx): Promise<bigint> {
    const at = this.clock.now();
    if (project === null) return (await this.balances.find(tx, { entity, at })).monthPicos;
    return (await this.balances.ofProject(tx, { entity, project, at }))?.monthPicos ?? 0n;
  }
}

/** Exported for its property test. */
export function chosenBy(
  role: KeyRole,
  { capPicos, isOwn, ownersPicos }: Found,
): Omit<SpendLimit, 'isReached'> | null {
  const cap =
    capPicos === null
      ? null
      : { thresholdPicos: capPicos, source: isOwn ? ('own' as const) : ('plan' as const) };
  const owners = ownersPicos === null ? null : { thresholdPicos: ownersPicos, source: 'owner' as const };
  if (role === 'owner') return owners;
  if (role === 'admin' || owners === null) return cap;
  return cap !== null && cap.thresholdPicos <= owners.thresholdPicos ? cap : owners;
}

/** Whole cents that were read from a limit with a fraction of a cent mean that limit, so that writing it back changes nothing. */
export function picosOf({ cents, picos }: Threshold, beforePicos: bigint | null): bigint {
  if (picos !== undefined && centsBelow(picos) !== cents) {
    throw new TallyError(
      'invalid_request',
      'threshold_usd: must be threshold_amount and a fraction of a cent',
      {
        param: 'threshold_usd',
      },
    );
  }
  const wanted = picos ?? (beforePicos !== null && centsBelow(beforePicos) === cents ? beforePicos : null);
  if (wanted !== null) return wanted;
  if (cents === 0) {
    throw new TallyError('invalid_request', 'threshold_amount: must be 1 cent or more', {
      param: 'threshold_amount',
    });
  }
  return picosFromCents(cents);
}

function noLimit(): TallyError {
  return new TallyError('not_found', 'there is no spend limit');
}
