/** The keys and the audit log of an organization, in OpenAI's shapes. */
import { z } from 'zod';
import {
  afterNumber,
  afterText,
  endsAfter,
  pageLimit,
  pageOrder,
  querySeconds,
  text,
} from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const AdminKeyPath = z.object({ key: text(64) });
export const AdminKeyPage = z.strictObject({ limit: pageLimit, after: afterText, order: pageOrder });
export type AdminKeyPage = z.output<typeof AdminKeyPage>;

export const AdminApiKey = z
  .object({
    object: z.literal('organization.admin_api_key'),
    id: z.string(),
    name: z.string(),
    redacted_value: z.string().describe('Of a secret Tally keeps a hash alone'),
    created_at: z.int(),
    expires_at: z.int().nullable(),
    last_used_at: z.int().nullable(),
    owner: z
      .object({
        type: z.literal('service_account'),
        object: z.literal('organization.service_account'),
        id: z.string(),
        name: z.string(),
        created_at: z.int(),
        role: z.literal('owner'),
      })
      .meta({ id: 'ServiceAccount' }),
  })
  .meta({ id: 'AdminApiKey' });
export type AdminApiKey = z.output<typeof AdminApiKey>;
export const AdminApiKeyList = listOf(AdminApiKey).meta({ id: 'AdminApiKeyList' });

export const AuditLogsQuery = z
  .strictObject({
    'effective_at[gte]': querySeconds.optional(),
    'effective_at[lt]': querySeconds.optional(),
    limit: pageLimit,
    after: afterNumber,
    order: pageOrder,
  })
  .refine(...endsAfter('effective_at[gte]', 'effective_at[lt]'));
export type AuditLogsQuery = z.output<typeof AuditLogsQuery>;

export const OrganizationAuditLog = z
  .object({
    object: z.literal('organization.audit_log'),
    id: z.string(),
    type: z.string().describe("Tally's action, such as keys.create"),
    effective_at: z.int(),
    actor: z
      .object({
        type: z.literal('api_key'),
        api_key: z
          .object({ id: z.string(), type: z.literal('service_account') })
          .meta({ id: 'OrganizationAuditLogApiKey' }),
      })
      .meta({ id: 'OrganizationAuditLogActor' }),
    target: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
  })
  .meta({ id: 'OrganizationAuditLog' });
export type OrganizationAuditLog = z.output<typeof OrganizationAuditLog>;
export const OrganizationAuditLogs = listOf(OrganizationAuditLog).meta({ id: 'OrganizationAuditLogList' });
