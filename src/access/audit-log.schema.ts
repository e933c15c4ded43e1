/** The audit log. */
import { z } from 'zod';
import { afterNumber, entityName, pageLimit } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const AuditQuery = z.strictObject({
  entity: entityName.optional(),
  limit: pageLimit,
  after: afterNumber,
});
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditEntry = z
  .object({
    object: z.literal('audit_entry'),
    id: z.string(),
    at: z.int(),
    actor: z.string(),
    action: z.string(),
    entity: z.string().nullable(),
    target: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.output<typeof AuditEntry>;
export const AuditList = listOf(AuditEntry).meta({ id: 'AuditList' });
