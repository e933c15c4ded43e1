/**
 * A quota state as Redis keeps it, encoded and decoded: rooms that scripts compare as doubles, and the exact figures (`facts`),
 * which only explain.
 */
import { periodEnd, periodStart } from '../domain/period.js';
import {
  entityRoom,
  projectRoom,
  type EntityLimit,
  type EntityQuota,
  type ProjectLimit,
  type ProjectQuota,
  type QuotaMode,
  type QuotaState,
} from '../domain/quota-limits.js';

const ENTITY_LIMITS: readonly EntityLimit[] = [
  'entity_concurrency',
  'entity_monthly_cap',
  'entity_yearly_cap',
  'credits',
];
const PROJECT_LIMITS: readonly ProjectLimit[] = ['project_concurrency', 'project_monthly_cap'];

/** What publish-states.lua takes for one key. It reads the first four, and stores `fields` as they are. */
export type CachedEntry = {
  readonly version: string;
  readonly starts_ms: string;
  readonly ends_ms: string;
  readonly loaded_at_ms: string;
  readonly fields: readonly string[];
};

export function entityEntry(state: QuotaState): CachedEntry {
  const rooms = ENTITY_LIMITS.flatMap((limit) => [limit, roomText(entityRoom(limit, state))]);
  return entryOf(state, state.freshUntil, [
    'period',
    state.period,
    'mode',
    state.mode,
    ...rooms,
    'facts',
    entityFacts(state),
  ]);
}

export function projectEntry(state: QuotaState, project: ProjectQuota): CachedEntry {
  const rooms = PROJECT_LIMITS.flatMap((limit) => [limit, roomText(projectRoom(limit, project))]);
  return entryOf(state, periodEnd(state.period), [...rooms, 'facts', projectFacts(project)]);
}

function entryOf(state: QuotaState, freshUntil: Date, fields: readonly string[]): CachedEntry {
  const starts_ms = String(periodStart(state.period).getTime());
  const ends_ms = String(periodEnd(state.period).getTime());
  return {
    version: String(state.version),
    starts_ms,
    ends_ms,
    loaded_at_ms: String(state.at.getTime()),
    fields: [
      'starts_ms',
      starts_ms,
      'ends_ms',
      ends_ms,
      'fresh_until_ms',
      String(freshUntil.getTime()),
      ...fields,
    ],
  };
}

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
    monthCostPicos: String(project.monthCostPicos),
    monthlyCapPicos: formatPicosOrNull(project.monthlyCapPicos),
    maxConcurrentRequests: project.maxConcurrentRequests,
  };
  return JSON.stringify(facts);
}

export function readProject(text: string): ProjectQuota {
  const facts = JSON.parse(text) as Text<ProjectQuota>;
  return {
    ...facts,
    monthCostPicos: BigInt(facts.monthCostPicos),
    monthlyCapPicos: parsePicosOrNull(facts.monthlyCapPicos),
  };
}

function formatPicosOrNull(picos: bigint | null): string | null {
  return picos === null ? null : String(picos);
}

function parsePicosOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
