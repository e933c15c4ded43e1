/** What admins do: as a request to Tally, and as what it does to the model once it was answered. */
import type { Limits, Plan } from './accounts.js';
import { applyToCredits, creditRequest, isOfCredits, type CreditChange } from './credit-changes.js';
import {
  applyToConflicts,
  conflictRequest,
  isOfConflicts,
  type ConflictChange,
  type Resolved,
} from './conflicts.js';
import { rerate, voidEvent, type Paid, type Rerating } from './corrections.js';
import type { Counted, Model } from './model.js';
import { applyToPersons, isOfPersons, personRequest, type PersonChange } from './persons.js';
import type { PriceVersion } from './price-versions.js';
import { usdOf, usdOrNull, usdPerMillionOf } from './usd.js';

export type Change =
  | CreditChange
  | {
      readonly what: 'limits';
      readonly entity: string;
      readonly limits: Partial<Limits>;
      /** Of the entity's own, which the plan's count for again. */
      readonly inherited?: readonly (keyof Limits)[];
    }
  | {
      readonly what: 'owner limit';
      readonly entity: string;
      readonly project: string | null;
      /** Null removes it. */
      readonly cap: bigint | null;
    }
  | {
      readonly what: 'project limits';
      readonly entity: string;
      readonly project: string;
      readonly monthlyCap: bigint | null;
      readonly maxConcurrent: number | null;
    }
  | { readonly what: 'entity'; readonly entity: string; readonly plan: string }
  | { readonly what: 'plan'; readonly plan: string; readonly values: Plan }
  | ({ readonly what: 'price' } & Omit<PriceVersion, 'id'>)
  | { readonly what: 'void'; readonly event: Counted; readonly saysTime: boolean }
  | ({ readonly what: 'rerate' } & Rerating)
  | { readonly what: 'repair'; readonly entity: string }
  | PersonChange
  | ConflictChange;

/** `asOwnerOf`: with a key of that customer, not with the admin's. */
export function requestOf(change: Change): { request: string; body: unknown; asOwnerOf?: string } {
  if (isOfCredits(change)) return creditRequest(change);
  if (isOfPersons(change)) return personRequest(change);
  if (isOfConflicts(change)) return conflictRequest(change);
  const admin = 'v1/admin';
  switch (change.what) {
    case 'limits':
      return {
        request: `PATCH /${admin}/entities/${change.entity}/limits`,
        body: { ...limitsBody(change.limits), ...inheritBody(change.inherited ?? []) },
      };
    case 'owner limit':
      return ownerRequest(change);
    case 'project limits':
      return {
        request: `PUT /${admin}/entities/${change.entity}/projects/${change.project}`,
        body: {
          monthly_cap_usd: usdOrNull(change.monthlyCap),
          max_concurrent_requests: change.maxConcurrent,
        },
      };
    case 'entity':
      return { request: `PUT /${admin}/entities/${change.entity}`, body: { plan: change.plan } };
    case 'plan':
      return {
        request: `PUT /${admin}/plans/${change.plan}`,
        body: { ...limitsBody(change.values), monthly_credit_usd: usdOf(change.values.monthlyCredit) },
      };
    case 'void': {
      const { source, id, atMs } = change.event.facts;
      const time = change.saysTime ? { time: timeOrNull(atMs) } : {};
      return {
        request: `POST /${admin}/usage_events/${encodeURIComponent(source)}/${id}/void`,
        body: { reason: 'simulated', ...time },
      };
    }
    case 'rerate': {
      const { model, entity, fromMs, toMs } = change;
      const range = { from: timeOrNull(fromMs), to: timeOrNull(toMs) };
      return {
        request: `POST /${admin}/prices/rerate`,
        body: { model, entity, ...range, reason: 'simulated' },
      };
    }
    case 'repair':
      return {
        request: `POST /${admin}/reconciliation/repair`,
        body: { entity: change.entity },
      };
    default:
      return {
        request: `POST /${admin}/prices`,
        body: {
          model: change.model,
          entity: change.entity,
          effective_from: timeOrNull(change.fromMs),
          input_usd_per_million: usdPerMillionOf(change.input),
          cached_input_usd_per_million: change.cached === null ? null : usdPerMillionOf(change.cached),
          output_usd_per_million: usdPerMillionOf(change.output),
          ...othersOf(change),
          max_input_tokens: change.maxInput,
          max_output_tokens: 2_048,
        },
      };
  }
}

function othersOf({ written, search, batch, large, flex }: Omit<PriceVersion, 'id'>): object {
  const variants: object[] = [];
  if (batch !== null) {
    variants.push({
      when: { service_tier: 'batch' },
      input_usd_per_million: usdPerMillionOf(batch.input),
      output_usd_per_million: usdPerMillionOf(batch.output),
    });
  }
  if (large !== null) {
    variants.push({
      when: { prompt_tokens_above: large.above },
      input_usd_per_million: usdPerMillionOf(large.input),
    });
  }
  if (flex) variants.push({ when: { service_tier: 'flex' }, multiplier: '0.5' });
  return {
    ...(written !== null && { cache_write_usd_per_million: usdPerMillionOf(written) }),
    ...(search !== null && { search_usd: usdOf(search) }),
    ...(variants.length > 0 && { variants }),
  };
}

/** `id` is that of what was made, `paid` says who paid the events that are corrected, `resolved` which conflicts were dealt with. */
export function apply(
  change: Change,
  model: Model,
  { id, nowMs, paid, resolved }: { id: string; nowMs: number; paid: Paid; resolved: readonly Resolved[] },
): void {
  model.made.set(change.what, (model.made.get(change.what) ?? 0) + 1);
  if (isOfCredits(change)) applyToCredits(change, model.account(change.entity, nowMs), { id, nowMs });
  else if (isOfPersons(change)) applyToPersons(change, model);
  else if (isOfConflicts(change)) applyToConflicts(change, model, { resolved, nowMs });
  else applyToRest(change, model, { id, nowMs, paid });
  for (const entity of model.accounts.keys()) {
    if (isAbout(change, entity, model)) model.touch(entity, nowMs);
  }
}

function applyToRest(
  change: Exclude<Change, CreditChange | PersonChange | ConflictChange>,
  model: Model,
  { id, nowMs, paid }: { id: string; nowMs: number; paid: Paid },
): void {
  switch (change.what) {
    case 'limits':
      Object.assign(model.account(change.entity, nowMs).own, change.limits);
      for (const name of change.inherited ?? []) delete model.account(change.entity, nowMs).own[name];
      break;
    case 'owner limit': {
      const account = model.account(change.entity, nowMs);
      if (change.project === null) account.ownersCap = change.cap;
      else {
        const before = account.projects.get(change.project);
        const others = before ?? { monthlyCap: null, maxConcurrent: null };
        account.projects.set(change.project, { ...others, ownersCap: change.cap });
      }
      break;
    }
    case 'project limits': {
      const { entity, project, monthlyCap, maxConcurrent } = change;
      const { projects } = model.account(entity, nowMs);
      const ownersCap = projects.get(project)?.ownersCap ?? null;
      projects.set(project, { monthlyCap, maxConcurrent, ownersCap });
      break;
    }
    case 'entity':
      model.account(change.entity, nowMs).plan = change.plan;
      break;
    case 'plan':
      model.plans.set(change.plan, change.values);
      break;
    case 'price': {
      const { what: _, ...price } = change;
      model.prices.push({ id, ...price });
      model.chargeUnpriced(nowMs);
      break;
    }
    case 'void':
      voidEvent(model, change.event, { nowMs, paid });
      break;
    case 'rerate':
      rerate(model, change, { nowMs, paid });
      break;
    case 'repair':
      break;
  }
}

function isAbout(change: Change, entity: string, model: Model): boolean {
  if (change.what === 'plan') return model.accounts.get(entity)!.plan === change.plan;
  if (change.what === 'void') return change.event.facts.entity === entity;
  if (change.what === 'price' || change.what === 'rerate' || isOfPersons(change)) return false;
  if (isOfConflicts(change)) return false;
  return change.entity === entity;
}

function ownerRequest({ entity, project, cap }: Change & { what: 'owner limit' }) {
  const path = `/v1/organization${project === null ? '' : `/projects/${project}`}/spend_limit`;
  if (cap === null) return { request: `DELETE ${path}`, body: undefined, asOwnerOf: entity };
  const body = { threshold_amount: Number(cap / PICOS_PER_CENT), threshold_usd: usdOf(cap) };
  return { request: `POST ${path}`, body, asOwnerOf: entity };
}

const PICOS_PER_CENT = 10n ** 10n;

const FIELDS: Record<keyof Limits, string> = {
  monthlyCap: 'monthly_cap_usd',
  yearlyCap: 'yearly_cap_usd',
  overage: 'overage',
  maxConcurrent: 'max_concurrent_requests',
};

function inheritBody(names: readonly (keyof Limits)[]): object {
  return Object.fromEntries(names.map((name) => [FIELDS[name], 'inherit']));
}

function limitsBody(limits: Partial<Limits>): object {
  return {
    ...(limits.monthlyCap === undefined ? {} : { monthly_cap_usd: usdOrNull(limits.monthlyCap) }),
    ...(limits.yearlyCap === undefined ? {} : { yearly_cap_usd: usdOrNull(limits.yearlyCap) }),
    ...(limits.overage === undefined ? {} : { overage: limits.overage }),
    ...(limits.maxConcurrent === undefined ? {} : { max_concurrent_requests: limits.maxConcurrent }),
  };
}

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
