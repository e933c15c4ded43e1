/**
 * A quota state as Redis keeps it, encoded and decoded: rooms that scripts compare as doubles, and the exact figures (`facts`),
 * which only explain.
 */
import { periodEnd, periodStart, type Period } from '../domain/period.js';
import {
  entityRoom,
  isLimited,
  projectRoom,
  type EntityQuota,
  type ProjectQuota,
  type QuotaMode,
  type QuotaState,
} from '../domain/quota-limits.js';
import { cacheByKey } from './generational-cache.js';

/** The projects that have a key of their own: where the state does not have every limit, those that it was loaded with. */
export function projectsWithKeys(state: QuotaState): readonly ProjectQuota[] {
  return state.hasEveryLimit ? [] : state.projects;
}

export type Fence = {
  /** A version up to this one makes way, although it is later. */
  readonly seen: bigint;
  /** The holds that end with this state. */
  readonly ended: readonly string[];
};

/** What publish-states.lua takes for one entity, in its sequence. */
export function publicationList(state: QuotaState, { seen, ended }: Fence): string[] {
  const { starts, ends } = timesOf(state.period);
  const limited = state.hasEveryLimit ? state.projects.filter(isLimited) : [];
  const withKeys = projectsWithKeys(state);
  return [
    String(state.version),
    String(seen),
    String(state.at.getTime()),
    starts,
    ends,
    String(state.freshUntil.getTime()),
    state.period,
    state.mode,
    roomText(entityRoom('entity_concurrency', state)),
    roomText(entityRoom('entity_monthly_cap', state)),
    roomText(entityRoom('entity_yearly_cap', state)),
    roomText(entityRoom('credits', state)),
    entityFacts(state),
    state.hasEveryLimit ? String(limited.length) : '',
    String(withKeys.length),
    String(ended.length),
    ...limited.flatMap((project) => [`project/${project.project}`, projectTexts(project).join(':')]),
    ...withKeys.flatMap(projectTexts),
    ...ended,
  ];
}

function projectTexts(project: ProjectQuota): string[] {
  const rooms = [projectRoom('project_concurrency', project), projectRoom('project_monthly_cap', project)];
  return [...rooms.map(roomText), projectFacts(project)];
}

/** The same for all states of a batch. */
const timesOf = cacheByKey(String, (period: Period) => ({
  starts: String(periodStart(period).getTime()),
  ends: String(periodEnd(period).getTime()),
}));

function roomText(room: number | null): string {
  return room === null ? '' : String(room);
}

type Text<T> = {
  [K in keyof T]: T[K] extends bigint ? string : T[K] extends bigint | null ? string | null : T[K];
};

/** Processes that are not upgraded yet publish states without the optional fields. */
type EntityFacts = Text<Omit<EntityQuota, 'mode' | 'grantedPicos'>> & {
  readonly mode?: QuotaMode;
  readonly grantedPicos?: string;
  readonly version: string;
  readonly at: string;
};

function entityFacts(state: QuotaState): string {
  const facts: EntityFacts = {
    version: String(state.version),
    at: state.at.toISOString(),
    entity: state.entity,
    mode: state.mode,
    period: state.period,
    monthCostPicos: String(state.monthCostPicos),
    yearCostPicos: String(state.yearCostPicos),
    monthlyCapPicos: formatPicosOrNull(state.monthlyCapPicos),
    isOwnersCap: state.isOwnersCap || undefined,
    yearlyCapPicos: formatPicosOrNull(state.yearlyCapPicos),
    overage: state.overage,
    maxConcurrentRequests: state.maxConcurrentRequests,
    creditsPicos: String(state.creditsPicos),
    grantedPicos: String(state.grantedPicos),
  };
  return JSON.stringify(facts);
}

/** An entity's part of a state, with the state's version and time. */
export function readEntity(text: string): { entity: EntityQuota; version: bigint; at: Date } {
  const { version, at, ...facts } = JSON.parse(text) as EntityFacts;
  const entity = {
    ...facts,
    mode: facts.mode ?? 'enforce',
    grantedPicos: BigInt(facts.grantedPicos ?? facts.creditsPicos),
    monthCostPicos: BigInt(facts.monthCostPicos),
    yearCostPicos: BigInt(facts.yearCostPicos),
    monthlyCapPicos: parsePicosOrNull(facts.monthlyCapPicos),
    yearlyCapPicos: parsePicosOrNull(facts.yearlyCapPicos),
    creditsPicos: BigInt(facts.creditsPicos),
  };
  return { entity, version: BigInt(version), at: new Date(at) };
}

function projectFacts(project: ProjectQuota): string {
  const facts: Text<ProjectQuota> = {
    project: project.project,
    monthCostPicos: formatPicosOrNull(project.monthCostPicos),
    monthlyCapPicos: formatPicosOrNull(project.monthlyCapPicos),
    isOwnersCap: project.isOwnersCap || undefined,
    maxConcurrentRequests: project.maxConcurrentRequests,
  };
  return JSON.stringify(facts);
}

export function readProject(text: string): ProjectQuota {
  const facts = JSON.parse(text) as Text<ProjectQuota>;
  return {
    ...facts,
    monthCostPicos: parsePicosOrNull(facts.monthCostPicos),
    monthlyCapPicos: parsePicosOrNull(facts.monthlyCapPicos),
  };
}

function formatPicosOrNull(picos: bigint | null): string | null {
  return picos === null ? null : String(picos);
}

function parsePicosOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
