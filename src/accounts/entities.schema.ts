/** Entities, their limits, and plans. */
import { z } from 'zod';
import { QUOTA_MODES } from '../domain/quota-rules.js';
import { afterText, entityName, integer, pageLimit, planName, projectName, usd } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const CONCURRENT_MAX = 1_000_000;

const overage = z
  .enum(['blocked', 'allowed'], 'must be blocked or allowed')
  .describe('Whether usage goes on when the credits are gone');
const quotaMode = z
  .enum(QUOTA_MODES, 'must be off, shadow or enforce')
  .describe('`off` admits without asking or holding, `shadow` admits and says what would have been denied');
const concurrent = integer(0, CONCURRENT_MAX).nullable();

export const EntityPath = z.object({ entity: entityName });
export const ProjectPath = z.object({ entity: entityName, project: projectName });
export const PlanPath = z.object({ plan: planName });

export const EntityPut = z.strictObject({ plan: planName }).meta({ id: 'EntityPut' });
export type EntityPut = z.output<typeof EntityPut>;

export const EntityPage = z.strictObject({ limit: pageLimit, after: afterText });
export type EntityPage = z.output<typeof EntityPage>;

/** What is left out stays, null lifts the limit. */
export const LimitsPatch = z
  .strictObject({
    monthly_cap_usd: usd.nullable().optional(),
    yearly_cap_usd: usd.nullable().optional(),
    overage: overage.optional(),
    max_concurrent_requests: concurrent.optional(),
    quota_mode: quotaMode.optional(),
  })
  .meta({ id: 'LimitsPatch', description: 'What is left out stays; null lifts the limit.' });
export type LimitsPatch = z.output<typeof LimitsPatch>;

export const ProjectLimitsPatch = z
  .strictObject({
    monthly_cap_usd: usd.nullable().optional(),
    max_concurrent_requests: concurrent.optional(),
  })
  .meta({ id: 'ProjectLimitsPatch', description: 'What is left out stays; null lifts the limit.' });
export type ProjectLimitsPatch = z.output<typeof ProjectLimitsPatch>;

export const PlanPut = z
  .strictObject({
    monthly_cap_usd: usd.nullable().optional(),
    yearly_cap_usd: usd.nullable().optional(),
    overage: overage.optional(),
    max_concurrent_requests: concurrent.optional(),
    monthly_credit_usd: usd.optional().describe('Promotional credits granted for each month'),
  })
  .meta({
    id: 'PlanPut',
    description: 'What is left out stays; in a new plan it is no cap, overage blocked and no monthly credit.',
  });
export type PlanPut = z.output<typeof PlanPut>;

const limits = {
  monthly_cap_usd: z.string().nullable(),
  yearly_cap_usd: z.string().nullable(),
  overage,
  max_concurrent_requests: z.int().nullable(),
};

export const Entity = z
  .object({
    object: z.literal('entity'),
    entity: z.string(),
    plan: z.string(),
    ...limits,
    quota_mode: quotaMode,
    own_limits: z
      .array(z.string())
      .describe("The limits above that are the entity's own; the others are its plan's"),
    created_at: z.int(),
  })
  .meta({ id: 'Entity' });
export type Entity = z.output<typeof Entity>;

export const EntityList = listOf(Entity).meta({ id: 'EntityList' });

export const Project = z
  .object({
    object: z.literal('project'),
    entity: z.string(),
    project: z.string(),
    monthly_cap_usd: z.string().nullable(),
    max_concurrent_requests: z.int().nullable(),
  })
  .meta({ id: 'Project' });
export type Project = z.output<typeof Project>;

export const Plan = z
  .object({ object: z.literal('plan'), plan: z.string(), ...limits, monthly_credit_usd: z.string() })
  .meta({ id: 'Plan' });
export type Plan = z.output<typeof Plan>;

export const PlanList = listOf(Plan).meta({ id: 'PlanList' });
