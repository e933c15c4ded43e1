/**
 * The limits of an entity: those of its plan, each of which it may replace by its own. A new limit gets a column in both tables, a
 * line in each function of this file, a field in limits.schema.ts and limits.presenter.ts, a value in NEW_PLAN (plans.ts) and first-plans.ts,
 * and its part in decisions: domain/quota-limits.ts and quota-denial.ts, and in the quota folder the states and lua/.
 */
import { bigintOrNull, decimalOrNull } from '../platform/decimal-column.js';
import type { Entity, Plan, Prisma } from '../platform/prisma/client.js';

export type Overage = 'blocked' | 'allowed';

export type Limits = {
  /** A null cap is no cap. */
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  /** Whether usage goes on when the credits are gone. */
  readonly overage: Overage;
  readonly maxConcurrentRequests: number | null;
};

export type LimitName = keyof Limits;

/** What is undefined stays as it is; null lifts the limit. */
export type LimitsChange = { readonly [Name in LimitName]?: Limits[Name] | undefined };

/** Of an entity or a project: `inherit` removes the limit of its own, so that its plan's counts again. */
export type OwnLimitsChange = { readonly [Name in LimitName]?: Limits[Name] | 'inherit' | undefined };

/** A project's limits count within those of its entity. */
export type ProjectLimits = Pick<Limits, 'monthlyCapPicos' | 'maxConcurrentRequests'>;
export type ProjectLimitsChange = Pick<OwnLimitsChange, keyof ProjectLimits>;

export function limitsOfPlan(plan: Plan): Limits {
  return {
    monthlyCapPicos: bigintOrNull(plan.monthlyCapPicos),
    yearlyCapPicos: bigintOrNull(plan.yearlyCapPicos),
    overage: plan.overage as Overage,
    maxConcurrentRequests: plan.maxConcurrentRequests,
  };
}

/** The limits in force. */
export function limitsOfEntity(entity: Entity, plan: Plan): Limits {
  const theirs = limitsOfPlan(plan);
  return {
    monthlyCapPicos: entity.hasOwnMonthlyCap ? bigintOrNull(entity.monthlyCapPicos) : theirs.monthlyCapPicos,
    yearlyCapPicos: entity.hasOwnYearlyCap ? bigintOrNull(entity.yearlyCapPicos) : theirs.yearlyCapPicos,
    overage: (entity.overage as Overage | null) ?? theirs.overage,
    maxConcurrentRequests: entity.hasOwnMaxConcurrent
      ? entity.maxConcurrentRequests
      : theirs.maxConcurrentRequests,
  };
}

/** Which of the limits in force are the entity's own. */
export function ownLimitsOf(entity: Entity): LimitName[] {
  const isOwn: Record<LimitName, boolean> = {
    monthlyCapPicos: entity.hasOwnMonthlyCap,
    yearlyCapPicos: entity.hasOwnYearlyCap,
    overage: entity.overage !== null,
    maxConcurrentRequests: entity.hasOwnMaxConcurrent,
  };
  return (Object.keys(isOwn) as LimitName[]).filter((name) => isOwn[name]);
}

export function planColumns(limits: Limits) {
  return {
    monthlyCapPicos: decimalOrNull(limits.monthlyCapPicos),
    yearlyCapPicos: decimalOrNull(limits.yearlyCapPicos),
    overage: limits.overage,
    maxConcurrentRequests: limits.maxConcurrentRequests,
  };
}

/** What is set becomes the entity's own limit, even where it is null: its plan's no longer counts. */
export function entityColumns(change: OwnLimitsChange): Prisma.EntityUpdateInput {
  const { monthlyCapPicos, yearlyCapPicos, overage, maxConcurrentRequests } = change;
  return {
    ...(monthlyCapPicos !== undefined && {
      hasOwnMonthlyCap: monthlyCapPicos !== 'inherit',
      monthlyCapPicos: decimalOrNull(ownOrNull(monthlyCapPicos)),
    }),
    ...(yearlyCapPicos !== undefined && {
      hasOwnYearlyCap: yearlyCapPicos !== 'inherit',
      yearlyCapPicos: decimalOrNull(ownOrNull(yearlyCapPicos)),
    }),
    ...(overage !== undefined && { overage: ownOrNull(overage) }),
    ...(maxConcurrentRequests !== undefined && {
      hasOwnMaxConcurrent: maxConcurrentRequests !== 'inherit',
      maxConcurrentRequests: ownOrNull(maxConcurrentRequests),
    }),
  };
}

/** No plan limits projects, so a project that inherits has no limit but its entity's. */
export function projectColumns({ monthlyCapPicos, maxConcurrentRequests }: ProjectLimitsChange) {
  return {
    ...(monthlyCapPicos !== undefined && { monthlyCapPicos: decimalOrNull(ownOrNull(monthlyCapPicos)) }),
    ...(maxConcurrentRequests !== undefined && { maxConcurrentRequests: ownOrNull(maxConcurrentRequests) }),
  };
}

function ownOrNull<T>(value: T): Exclude<T, 'inherit'> | null {
  return value === 'inherit' ? null : (value as Exclude<T, 'inherit'>);
}
