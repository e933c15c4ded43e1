/** Quota states, questions and orders for tests, without limits unless a test names them. Amounts are strings of US dollars. */
import { reservationIdOf, type EntityName, type ProjectName, type Subject } from '../../src/domain/ids.js';
import { parseUsd } from '../../src/domain/money.js';
import { periodEnd, periodOf } from '../../src/domain/period.js';
import type { EntityQuota, ProjectQuota, QuotaState } from '../../src/domain/quota-limits.js';
import type { ReservationOrder } from '../../src/quota/reservation.js';

export const NOON = new Date('2026-11-22T12:00:00Z');

export function usd(text: string): bigint {
  return parseUsd(text, 'usd');
}

export function aSubject(text = 'entity1/project1'): Subject {
  const [entity, project] = text.split('/') as [EntityName, ProjectName];
  return { entity, project };
}

export type OrderOverride = Partial<Omit<ReservationOrder, 'id' | 'subject'>> & { subject?: string };

/** One input token of the model `m`, and no output. */
export function anOrder({ subject, requestId = null, ...override }: OrderOverride = {}): ReservationOrder {
  const named = aSubject(subject);
  return {
    id: reservationIdOf(named, requestId),
    subject: named,
    model: 'm',
    fallbacks: [],
    inputTokens: 1,
    inputBytes: null,
    maxOutputTokens: 0,
    inputCount: 1,
    outputCount: 1,
    serviceTier: null,
    region: null,
    requestId,
    ttlSeconds: 900,
    ...override,
  };
}

export function anEntityQuota(override: Partial<EntityQuota> = {}): EntityQuota {
  return {
    entity: 'entity1' as EntityName,
    mode: 'enforce',
    period: periodOf(NOON),
    monthCostPicos: 0n,
    yearCostPicos: 0n,
    monthlyCapPicos: null,
    yearlyCapPicos: null,
    overage: 'allowed',
    maxConcurrentRequests: null,
    creditsPicos: 0n,
    grantedPicos: override.creditsPicos ?? 0n,
    ...override,
  };
}

export function aProjectQuota(override: Partial<ProjectQuota> = {}): ProjectQuota {
  return {
    project: 'project1' as ProjectName,
    monthCostPicos: 0n,
    monthlyCapPicos: null,
    maxConcurrentRequests: null,
    ...override,
  };
}

export function aQuotaState(override: Partial<QuotaState> = {}): QuotaState {
  const at = override.at ?? NOON;
  const period = override.period ?? periodOf(at);
  return {
    ...anEntityQuota({ period, grantedPicos: override.creditsPicos ?? 0n }),
    isCreated: true,
    version: 1n,
    at,
    freshUntil: periodEnd(period),
    projects: [aProjectQuota()],
    hasEveryLimit: true,
    ...override,
  };
}
