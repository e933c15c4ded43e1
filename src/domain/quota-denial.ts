/** Why a request is denied, in figures: what is spent and held under the exceeded limit, and when there is room again. */
import { picosFromNanos } from '@tally/client/protocol';
import { formatSubject, type ProjectName } from './ids.js';
import { periodEnd, yearEnd } from './period.js';
import {
  HOLDS_OF_ENTITY_MAX,
  isOfProject,
  present,
  type ExceededLimit,
  type Question,
} from './quota-limits.js';
import { unixSeconds } from './unix-time.js';

/** The hold of an entity that ends next unless it is extended: where requests ask for one lifetime, the oldest that was not extended. */
export type NextHold = {
  /** Of a reservation or a lease. */
  readonly id: string;
  readonly project: ProjectName;
  /** When it was made; null where that is not known. */
  readonly sinceMs: number | null;
  readonly expiresMs: number;
};

/** What callers read. Waiting helps with the last two. */
export const QUOTA_EXCEEDED_MESSAGE =
  'You exceeded your current quota, please check your plan and billing details';
export const CONCURRENCY_MESSAGE = 'Concurrency limit reached for requests';
export const ROOM_HELD_MESSAGE =
  'Requests in flight hold the rest of your quota, please retry when they have finished';

type DenialBase = {
  /** `entity1` or `entity1/project1`. */
  readonly scope: string;
  /** True where only other requests in flight are in the way, so that waiting helps. */
  readonly retryable: boolean;
  /** Unix seconds; null where no new month or year brings room. */
  readonly resetsAt: number | null;
  /** Where only holds are in the way: the hold in the limit's scope that ends next, if it is known. */
  readonly nextHold?: NextHold | null;
};

export type ConcurrencyDenial = DenialBase & {
  readonly limit: 'concurrency';
  readonly inFlightCount: number;
  readonly limitCount: number;
};

/** For `credits` the limit is what was granted and has not expired, and spent is what of that was burnt or voided. */
export type MoneyDenial = DenialBase & {
  readonly limit: 'project_monthly_cap' | 'entity_monthly_cap' | 'entity_yearly_cap' | 'credits';
  readonly spentPicos: bigint;
  readonly limitPicos: bigint;
  readonly heldPicos: bigint;
  /** Of a monthly cap: who can lift it, the customer, whose own spend limit it is, or an admin. */
  readonly setBy?: 'owner' | 'admin' | undefined;
};

export type Denial = ConcurrencyDenial | MoneyDenial;

export function denialOf(
  question: Question,
  { limit, retryable }: ExceededLimit,
  next: NextHold | null = null,
): Denial {
  const { entity, project, holds } = question;
  const scope = isOfProject(limit)
    ? formatSubject({ entity: entity.entity, project: project.project })
    : entity.entity;
  const held = isOfProject(limit) ? holds.project : holds.entity;
  // The end of another project's hold would make no room here.
  const nextHold = isOfProject(limit) && next?.project !== project.project ? null : next;
  const base = { scope, retryable, resetsAt: null, nextHold };
  if (limit === 'project_concurrency' || limit === 'entity_concurrency') {
    const { maxConcurrentRequests } = isOfProject(limit) ? project : entity;
    return {
      ...base,
      limit: 'concurrency',
      inFlightCount: held.count,
      limitCount: maxConcurrentRequests ?? HOLDS_OF_ENTITY_MAX,
    };
  }
  const heldPicos = picosFromNanos(held.nanos);
  return { ...base, limit, ...moneyFigures(limit, question), heldPicos, setBy: setterOf(limit, question) };
}

function setterOf(limit: MoneyDenial['limit'], { entity, project }: Question): MoneyDenial['setBy'] {
  if (limit !== 'project_monthly_cap' && limit !== 'entity_monthly_cap') return undefined;
  return (limit === 'project_monthly_cap' ? project : entity).isOwnersCap === true ? 'owner' : 'admin';
}

type MoneyFigures = Pick<MoneyDenial, 'spentPicos' | 'limitPicos' | 'resetsAt'>;

function moneyFigures(limit: MoneyDenial['limit'], { entity, project }: Question): MoneyFigures {
  if (limit === 'credits') {
    const spentPicos = entity.grantedPicos - entity.creditsPicos;
    return { spentPicos, limitPicos: entity.grantedPicos, resetsAt: null };
  }
  const [spentPicos, capPicos, capEnds] = {
    project_monthly_cap: [project.monthCostPicos, project.monthlyCapPicos, periodEnd] as const,
    entity_monthly_cap: [entity.monthCostPicos, entity.monthlyCapPicos, periodEnd] as const,
    entity_yearly_cap: [entity.yearCostPicos, entity.yearlyCapPicos, yearEnd] as const,
  }[limit];
  return {
    spentPicos: present(spentPicos),
    limitPicos: present(capPicos),
    resetsAt: unixSeconds(capEnds(entity.period)),
  };
}
