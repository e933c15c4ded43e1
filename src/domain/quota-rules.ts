/**
 * The quota decision: which limits there are, in which order they are looked at, and what a denial says. Redis decides with
 * the same rooms in a script; this is the model that the script is tested against, and what decides while Redis is away.
 */
import { picosFromNanos } from '@tally/client/protocol';
import { assert } from './errors.js';
import { formatSubject, type EntityName, type ProjectName } from './ids.js';
import { holdNanos, roomNanos } from './money.js';
import { periodEnd, yearEnd, type Period } from './period.js';

/** Every limit, in the order in which a decision looks at it. The first one that is passed gives the denial. */
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
  readonly monthCostPicos: bigint;
  /** Null is no cap. */
  readonly monthlyCapPicos: bigint | null;
  readonly maxConcurrentRequests: number | null;
};

/** Whether limits decide: `off` asks nothing and holds nothing, `shadow` only says what `enforce` would have denied. */
export const QUOTA_MODES = ['off', 'shadow', 'enforce'] as const;
export type QuotaMode = (typeof QUOTA_MODES)[number];

export type EntityQuota = {
  readonly entity: EntityName;
  readonly mode: QuotaMode;
  readonly period: Period;
  readonly monthCostPicos: bigint;
  readonly yearCostPicos: bigint;
  readonly monthlyCapPicos: bigint | null;
  readonly yearlyCapPicos: bigint | null;
  readonly overage: 'blocked' | 'allowed';
  readonly maxConcurrentRequests: number | null;
  /** What is left of the grants that can be spent now. */
  readonly creditsPicos: bigint;
  /** What those grants, and the ones that are used up, were when they were made. */
  readonly grantedPicos: bigint;
};

/** What Postgres knows of an entity at one instant; `projects` are those that were asked for. */
export type QuotaState = EntityQuota & {
  /** False where Postgres knows no such entity: it has the default plan. */
  readonly isCreated: boolean;
  /** Rises with every commit that changes what a decision sees. */
  readonly version: bigint;
  readonly at: Date;
  /** Exclusive: from here on the credits or the period are others. */
  readonly freshUntil: Date;
  readonly projects: readonly ProjectQuota[];
};

/** What running requests may still cost, and how many they are. */
export type Held = { readonly nanos: number; readonly count: number };
export type Holds = { readonly entity: Held; readonly project: Held };

export const NOTHING_HELD: Holds = { entity: { nanos: 0, count: 0 }, project: { nanos: 0, count: 0 } };

export type Question = {
  readonly entity: EntityQuota;
  readonly project: ProjectQuota;
  readonly holds: Holds;
};

type DenialBase = {
  /** `entity1` or `entity1/project1`. */
  readonly scope: string;
  /** True where only other requests in flight are in the way, so that waiting helps. */
  readonly retryable: boolean;
  /** Unix seconds; null where no calendar brings the room back. */
  readonly resetsAt: number | null;
};

export type ConcurrencyDenial = DenialBase & {
  readonly limit: 'concurrency';
  readonly inFlightCount: number;
  readonly limitCount: number;
};

/** For `credits` the limit is what was granted and has not expired, and spent is what of it was burnt or voided. */
export type MoneyDenial = DenialBase & {
  readonly limit: 'project_monthly_cap' | 'entity_monthly_cap' | 'entity_yearly_cap' | 'credits';
  readonly spentPicos: bigint;
  readonly limitPicos: bigint;
  readonly heldPicos: bigint;
};

export type Denial = ConcurrencyDenial | MoneyDenial;

/** What other requests have left over; null is no such limit. */
export type Remaining = {
  readonly creditsPicos: bigint | null;
  readonly projectCapPicos: bigint | null;
  readonly entityCapPicos: bigint | null;
};

/**
 * Weighs a hold against every limit; null where none is passed. A limit is passed when booked + held + this hold > limit.
 * When this hold alone passes it, waiting does not help. `holdPicos` null is a request of unknown cost: it passes where
 * any room is left at all.
 */
export function decide(question: Question, holdPicos: bigint | null): Denial | null {
  for (const limit of LIMITS) {
    const room = roomOf(limit, question);
    if (room === null) continue;
    const wanted = isConcurrency(limit) ? 1 : weighedNanos(holdPicos);
    if (heldOf(limit, question.holds) + wanted <= room) continue;
    return denialBy(limit, question, { retryable: wanted <= room });
  }
  return null;
}

/**
 * A learned size is below what a request may cost, so it is held only while as many worst cases as this are left under every
 * limit of money. Nearer to a limit the worst case is held, and the limit is not passed by what is admitted from then on.
 */
const WORST_CASES_LEFT_MIN = 20;

export function learnedFromNanos(worstPicos: bigint): number {
  return WORST_CASES_LEFT_MIN * holdNanos(worstPicos);
}

/** What a request of an unnamed output holds: `learnedPicos` where that is known and enough is left, else the worst case. */
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

/** The least amount that Redis tells apart stands for an unknown cost: it fits exactly where booked + held < limit. */
export function weighedNanos(holdPicos: bigint | null): number {
  return holdPicos === null ? 1 : holdNanos(holdPicos);
}

function roomOf(limit: LimitName, { entity, project }: Question): number | null {
  return isOfProject(limit) ? projectRoom(limit, project) : entityRoom(limit, entity);
}

/** What a limit leaves before holds: requests of a concurrency limit, nanodollars of the others; null is no such limit. */
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

function roomUnder(capPicos: bigint | null, costPicos: bigint): number | null {
  return capPicos === null ? null : roomNanos(capPicos - costPicos);
}

function isConcurrency(limit: LimitName): boolean {
  return limit === 'project_concurrency' || limit === 'entity_concurrency';
}

function heldOf(limit: LimitName, holds: Holds): number {
  const held = isOfProject(limit) ? holds.project : holds.entity;
  return isConcurrency(limit) ? held.count : held.nanos;
}

function isOfProject(limit: LimitName): limit is ProjectLimit {
  return limit === 'project_concurrency' || limit === 'project_monthly_cap';
}

/** Puts a passed limit into figures. */
export function denialBy(
  limit: LimitName,
  question: Question,
  { retryable }: { retryable: boolean },
): Denial {
  const { entity, project, holds } = question;
  const scope = isOfProject(limit)
    ? formatSubject({ entity: entity.entity, project: project.project })
    : entity.entity;
  const held = isOfProject(limit) ? holds.project : holds.entity;
  const heldPicos = picosFromNanos(held.nanos);
  const base = { scope, retryable, resetsAt: null };
  switch (limit) {
    case 'project_concurrency':
    case 'entity_concurrency': {
      const limitCount = isOfProject(limit) ? project.maxConcurrentRequests : entity.maxConcurrentRequests;
      return { ...base, limit: 'concurrency', inFlightCount: held.count, limitCount: present(limitCount) };
    }
    case 'credits':
      return {
        ...base,
        limit,
        spentPicos: entity.grantedPicos - entity.creditsPicos,
        limitPicos: entity.grantedPicos,
        heldPicos,
      };
    default:
      return { ...base, limit, ...capFigures(limit, question), heldPicos };
  }
}

type CapFigures = Pick<MoneyDenial, 'spentPicos' | 'limitPicos' | 'resetsAt'>;

function capFigures(
  cap: Exclude<MoneyDenial['limit'], 'credits'>,
  { entity, project }: Question,
): CapFigures {
  const monthEnds = unixSeconds(periodEnd(entity.period));
  const [spentPicos, limitPicos, resetsAt] = {
    project_monthly_cap: [project.monthCostPicos, project.monthlyCapPicos, monthEnds] as const,
    entity_monthly_cap: [entity.monthCostPicos, entity.monthlyCapPicos, monthEnds] as const,
    entity_yearly_cap: [
      entity.yearCostPicos,
      entity.yearlyCapPicos,
      unixSeconds(yearEnd(entity.period)),
    ] as const,
  }[cap];
  return { spentPicos, limitPicos: present(limitPicos), resetsAt };
}

function present<T>(limit: T | null): T {
  assert(limit !== null, 'only a limit that is set can be passed');
  return limit;
}

function unixSeconds(time: Date): number {
  return time.getTime() / 1_000;
}

/** What is left of each limit after spend and the holds given, never below zero. */
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

function leftUnder(limitPicos: bigint | null, costPicos: bigint, held: Held): bigint | null {
  if (limitPicos === null) return null;
  const left = limitPicos - costPicos - picosFromNanos(held.nanos);
  return left > 0n ? left : 0n;
}

/** The asked project's part of a state. */
export function projectOf(state: QuotaState, project: ProjectName): ProjectQuota {
  const found = state.projects.find((candidate) => candidate.project === project);
  assert(found !== undefined, `the state of ${state.entity} was loaded with ${project}`);
  return found;
}
