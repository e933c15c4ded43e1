/** Entities in requests and answers. */
import { z } from 'zod';
import { QUOTA_MODES } from '../domain/quota-limits.js';
import { afterText, entityName, nameOrder, pageLimit, planName } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { limitFields, LimitSources, ownLimitChanges, spendLimitField } from './limits.schema.js';

export const quotaMode = z.enum(QUOTA_MODES, 'must be off, shadow or enforce').meta({
  id: 'QuotaMode',
  description: '`off` admits without asking or holding, `shadow` admits and says what would have been denied',
});

export const EntityPath = z.object({ entity: entityName });

export const EntityPage = z.strictObject({ limit: pageLimit, after: afterText, order: nameOrder });
export type EntityPage = z.output<typeof EntityPage>;

export const EntityPut = z
  .strictObject({ plan: planName })
  .meta({ id: 'EntityPut', example: { plan: 'pro' } });
export type EntityPut = z.output<typeof EntityPut>;

export const LimitsPatch = z.strictObject({ ...ownLimitChanges, quota_mode: quotaMode.optional() }).meta({
  id: 'LimitsPatch',
  description:
    'Omitted fields stay unchanged; null is no limit, whatever the plan says; "inherit" goes back to the plan\'s.',
  example: { monthly_cap_usd: '1000', overage: 'allowed', max_concurrent_requests: 200 },
});
export type LimitsPatch = z.output<typeof LimitsPatch>;

export const Entity = z
  .object({
    object: z.literal('entity'),
    entity: z.string(),
    plan: z.string(),
    ...limitFields,
    quota_mode: quotaMode,
    limits: LimitSources,
    spend_limit_usd: spendLimitField,
    created_at: z.int(),
  })
  .meta({ id: 'Entity' });
export type Entity = z.output<typeof Entity>;

export const EntityList = listOf(Entity).meta({ id: 'EntityList' });

export const DeletedEntity = z
  .object({ object: z.literal('entity.deleted'), entity: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedEntity' });
