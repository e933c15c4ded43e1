/** API keys. */
import { z } from 'zod';
import { afterText, entityName, pageLimit, text } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';

const role = z.enum(['gateway', 'finance', 'owner', 'admin'], 'must be gateway, finance, owner or admin');

export const KeyPath = z.object({ id: text(64) });
export const KeyPage = z.strictObject({ limit: pageLimit, after: afterText });
export type KeyPage = z.output<typeof KeyPage>;

export const KeyOrder = z
  .strictObject({
    name: text(128),
    role,
    entity: entityName
      .nullish()
      .describe('The only entity that the key may touch; null: any. An owner has one, an admin none'),
    source: text(256)
      .nullish()
      .describe('The only source that events may name which the key reports; null: any'),
  })
  .meta({ id: 'KeyOrder' });
export type KeyOrder = z.output<typeof KeyOrder>;

export const Key = z
  .object({
    object: z.literal('api_key'),
    id: z.string(),
    name: z.string(),
    role,
    entity: z.string().nullable(),
    source: z.string().nullable(),
    created_at: z.int(),
    revoked_at: z.int().nullable(),
  })
  .meta({ id: 'Key' });
export type Key = z.output<typeof Key>;

export const NewKey = Key.extend({ secret: z.string().describe('Shown this once') }).meta({ id: 'NewKey' });
export const KeyList = listOf(Key).meta({ id: 'KeyList' });
export const DeletedKey = z
  .object({ object: z.literal('api_key.deleted'), id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedKey' });
