/** The audit log. */
import { z } from 'zod';
import {
  afterNumber,
  endsAfter,
  entityName,
  pageLimit,
  pageOrder,
  querySeconds,
  text,
} from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

export const AuditQuery = z
  .strictObject({
    entity: entityName.optional(),
    actor: text(64).optional().meta({ description: 'The id of a key, or system', example: 'system' }),
    action: z
      .string()
      .regex(
        /^[a-z_]{1,40}(?:\.[a-z_]{1,40})?$/,
        'must be an action such as credits.grant, or its kind: credits',
      )
      .optional()
      .meta({ description: 'An action, or all of its kind', example: 'credits.grant' }),
    target: text(256).optional().meta({ description: 'What was changed', example: 'grant_1' }),
    start_time: querySeconds.optional(),
    end_time: querySeconds.optional().meta({ description: 'Unix seconds, exclusive' }),
    limit: pageLimit,
    after: afterNumber,
    order: pageOrder,
  })
  .refine(...endsAfter('start_time', 'end_time'));
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditEntry = z
  .object({
    object: z.literal('audit_entry'),
    id: z.string(),
    at: z.int(),
    actor: z.string().describe('The id of the key, or system'),
    actor_name: z.string().nullable().describe('What the key is called now; null where no key asked'),
    role: z.string().nullable().describe('Of the key when it asked; null for what nobody asked for'),
    request_id: z.string().nullable(),
    address: z.string().nullable().describe('Where the request came from'),
    action: z.string(),
    entity: z.string().nullable(),
    target: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.output<typeof AuditEntry>;
export const AuditList = listOf(AuditEntry).meta({ id: 'AuditEntryList' });
