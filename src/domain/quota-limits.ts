/**
 * The quota decision: which limits there are, in which sequence they are checked, and how much each leaves. A Redis script decides
 * by the same rooms; these functions are the model that it is tested against, and they decide while Redis is unavailable.
 */
import { picosFromNanos } from '@tally/client/protocol';
import { assert } from './errors.js';
import type { EntityName, ProjectName } from './ids.js';
import { holdNanos, roomNanos } from './money.js';
import type { Period } from './period.js';

/** Every limit, in the sequence in which a decision checks them. The first one that is exceeded denies. */
export const LIMITS = [
  'project_concurrency',
  'entity_concurrency',
  'project_monthly_cap',
  'entity_monthly_cap',
  'entity_yearly_cap',
  'credits',
] as const;
export type LimitName = (typeof LIMITS)[number];
export type ProjectLimit = 'project_concurrency' | 'project_monthly_cap';
export type EntityLimit = Exclude<LimitName, ProjectLimit>;

export type ProjectQuota = {
  readonly project: ProjectName;
  /** Null where nobody has read it, because the project has no cap. */
  readonly monthCostPicos: bigint | null;
  /** The lower one of the cap and of the customer's own spend limit; null is neither. */
  readonly monthlyCapPicos: bigint | null;
  /** True where that is the customer's own. */
  readonly isOwnersCap?: boolean | undefined;
  readonly maxConcurrentRequests: number | null;
};

/** Whether limits decide: `off` checks nothing and holds nothing; `shadow` admits, and says what `enforce` would have denied. */
export const QUOTA_MODES = ['off', 'shadow', 'enforce'] as const;
export type QuotaMode = (typeof QUOTA_MODES)[number];

export type EntityQuota = {
  readonly entity: EntityName;
  readonly mode: QuotaMode;
  readonly period: Period;
  readonly monthCostPicos: bigint;
  readonly yearCostPicos: bigint;
  /** As a project's. */
  readonly monthlyCapPicos: bigint | null;
  readonly isOwnersCap?: boolean | undefined;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: 'blocked' | 'allowed';
  readonly maxConcurrentRequests: number | null;
  /** What is left of the grants that are valid now. */
  readonly creditsPicos: bigint;
  /** The original amount of those grants and of the valid ones that are used up. */
  readonly grantedPicos: bigint;
};

/** What Postgres knows of an entity at one instant, with its limited projects or those that were asked for. */
export type QuotaState = EntityQuota & {
  /** False for an unknown entity, which has the default plan. */
  readonly isCreated: boolean;
  /** Rises with every commit that changes what a decision sees. */
  readonly version: bigint;
  readonly at: Date;
  /** Exclusive: the instant at which the credits or the period change. */
  readonly freshUntil: Date;
  readonly projects: readonly ProjectQuota[];
  /** Whether every project that has a limit is among `projects`, so that all others have none. */
  readonly hasEveryLimit: boolean;
};

/** What requests in flight may still cost, and how many there are. */
export type Held = { readonly nanos: number; readonly count: number };
export type Holds = { readonly entity: Held; readonly project: Held };

export type Question = {
  readonly entity: EntityQuota;
  readonly project: ProjectQuota;
  readonly holds: Holds;
};

/** `retryable` where only other requests in flight are in the way, so that waiting helps. */
export type ExceededLimit = { readonly limit: LimitName; readonly retryable: boolean };

/** What other requests leave; null is no such limit. */
export type Remaining = {
  readonly creditsPicos: bigint | null;
  readonly projectCapPicos: bigint | null;
  readonly entityCapPicos: bigint | null;
};

/** Requests in flight of an entity that has no limit for them; `HOLDS_MAX` of lua/bounds.lua. */
export const HOLDS_OF_ENTITY_MAX = 200_000;

/**
 * Checks a hold against every limit; null where none is exceeded. A limit is exceeded when booked + held + this hold > limit.
 * Waiting does not help where this hold alone exceeds it. Null `holdPicos` is a request of unknown cost: it is admitted where any
 * room is left at all.
 */
export function decide(question: Question, holdPicos: bigint | null): ExceededLimit | null {
  for (const limit of LIMITS) {
    const room = roomOf(limit, question) ?? (limit === 'entity_concurrency' ? HOLDS_OF_ENTITY_MAX : null);
    if (room === null) continue;
    const wanted = isConcurrency(limit) ? 1 : weighedNanos(holdPicos);
    if (heldOf(limit, question.holds) + wanted > room) return { limit, retryable: wanted <= room };
  }
  return null;
}

/**
 * A learned size may be less than the request costs, so it is held only while every limit of money leaves at least this many worst
 * cases. Nearer to a limit the worst case is held, so that requests admitted from then on cannot exceed it.
 */
const WORST_CASES_LEFT_MIN = 20;

export function learnedFromNanos(worstPicos: bigint): number {
  return WORST_CASES_LEFT_MIN * holdNanos(worstPicos);
}

/** What a request holds: `learnedPicos` where that is known and enough is left, otherwise the worst case. */
export function sizedHold(
  question: Question,
  { worstPicos, learnedPicos }: { worstPicos: bigint | null; learnedPicos: bigint | null },
): bigint | null {
  if (worstPicos === null || learnedPicos === null) return worstPicos;
  const isFar = LIMITS.every((limit) => {
    const room = isConcurrency(limit) ? null : roomOf(limit, question);
    return room === null || room - heldOf(limit, question.holds) >= learnedFromNanos(worstPicos);
  });
  return isFar ? learnedPicos : worstPicos;
}

/** An unknown cost counts as the smallest amount that Redis can represent: it fits exactly where booked + held < limit. */
export function weighedNanos(holdPicos: bigint | null): number {
  return holdPicos === null ? 1 : holdNanos(holdPicos);
}

function roomOf(limit: LimitName, { entity, project }: Question): number | null {
  return isOfProject(limit) ? projectRoom(limit, project) : entityRoom(limit, entity);
}

/** What a limit leaves before holds, in requests or in nanodollars; null is no such limit. */
export function projectRoom(limit: ProjectLimit, project: ProjectQuota): number | null {
  if (limit === 'project_concurrency') return project.maxConcurrentRequests;
  return roomUnder(project.monthlyCapPicos, project.monthCostPicos);
}

export function entityRoom(limit: EntityLimit, entity: EntityQuota): number | null {
  if (limit === 'entity_concurrency') return entity.maxConcurrentRequests;
  if (limit === 'entity_monthly_cap') return roomUnder(entity.monthlyCapPicos, entity.monthCostPicos);
  if (limit === 'entity_yearly_cap') return roomUnder(entity.yearlyCapPicos, entity.yearCostPicos);
  return entity.overage === 'allowed' ? null : roomNanos(entity.creditsPicos);
}

function roomUnder(capPicos: bigint | null, costPicos: bigint | null): number | null {
  return capPicos === null ? null : roomNanos(capPicos - present(costPicos));
}

/** What is spent under a cap is always read. */
export function present<T>(known: T | null): T {
  assert(known !== null, 'a limit that is set has its figures');
  return known;
}

function isConcurrency(limit: LimitName): boolean {
  return limit === 'project_concurrency' || limit === 'entity_concurrency';
}

function heldOf(limit: LimitName, holds: Holds): number {
  const held = isOfProject(limit) ? holds.project : holds.entity;
  return isConcurrency(limit) ? held.count : held.nanos;
}

export function isOfProject(limit: LimitName): limit is ProjectLimit {
  return limit === 'project_concurrency' || limit === 'project_monthly_cap';
}

/** What each limit leaves after spend and holds, never below zero. */
export function remainingOf({ entity, project, holds }: Question): Remaining {
  const caps = [
    leftUnder(entity.monthlyCapPicos, entity.monthCostPicos, holds.entity),
    leftUnder(entity.yearlyCapPicos, entity.yearCostPicos, holds.entity),
  ].filter((left) => left !== null);
  return {
    creditsPicos: entity.overage === 'allowed' ? null : leftUnder(entity.creditsPicos, 0n, holds.entity),
    projectCapPicos: leftUnder(project.monthlyCapPicos, project.monthCostPicos, holds.project),
    entityCapPicos: caps.length === 0 ? null : caps.reduce((least, left) => (left < least ? left : least)),
  };
}

function leftUnder(limitPicos: bigint | null, costPicos: bigint | null, held: Held): bigint | null {
  if (limitPicos === null) return null;
  const left = limitPicos - present(costPicos) - picosFromNanos(held.nanos);
  return left > 0n ? left : 0n;
}

export function isLimited({ monthlyCapPicos, maxConcurrentRequests }: ProjectQuota): boolean {
  return monthlyCapPicos !== null || maxConcurrentRequests !== null;
}

export function unlimited(project: ProjectName): ProjectQuota {
  return { project, monthCostPicos: null, monthlyCapPicos: null, maxConcurrentRequests: null };
}

/** The project's part of a state that was loaded with it, or that has every limit. */
export function projectOf(state: QuotaState, project: ProjectName): ProjectQuota {
  const found = state.projects.find((candidate) => candidate.project === project);
  if (found !== undefined) return found;
  assert(state.hasEveryLimit, `the state of ${state.entity} was loaded with ${project}`);
  return unlimited(project);
}
