/** API keys. */
import { z } from 'zod';
import { afterText, entityName, integer, pageLimit, pageOrder, text, time } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { KEY_STATES } from './api-key-rows.js';

const role = z
  .enum(['gateway', 'finance', 'owner', 'admin'], 'must be gateway, finance, owner or admin')
  .meta({ id: 'KeyRole' });

const state = z.enum(KEY_STATES, 'must be active, expired or revoked').meta({ id: 'KeyState' });

/** A year. To use the old key for longer, make a second key instead. */
const OVERLAP_SECONDS_MAX = 31_536_000;

export const KeyPath = z.object({ id: text(64) });
export const KeyPage = z.strictObject({
  entity: entityName.optional(),
  role: role.optional(),
  state: state.optional(),
  order: pageOrder,
  limit: pageLimit,
  after: afterText,
});
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
    expires_at: time.nullish().describe('From then on it opens nothing; null: never'),
  })
  .meta({ id: 'KeyOrder', example: { name: 'eu gateway', role: 'gateway', entity: 'entity1' } });
export type KeyOrder = z.output<typeof KeyOrder>;

export const KeyPatch = z
  .strictObject({ name: text(128) })
  .meta({ id: 'KeyPatch', example: { name: 'eu gateway, blue' } });
export type KeyPatch = z.output<typeof KeyPatch>;

export const Rotation = z
  .strictObject({
    overlap_seconds: integer(0, OVERLAP_SECONDS_MAX).describe(
      'For how long the key works beside its successor; 0: it is revoked now',
    ),
    expires_at: time.nullish().describe('When the successor ends; null: never'),
  })
  .meta({ id: 'KeyRotation', example: { overlap_seconds: 86_400 } });
export type Rotation = z.output<typeof Rotation>;

const KEY_EXAMPLE = {
  object: 'api_key',
  id: 'key_3J9dX0aTq7mVwYbR5cKeLs',
  name: 'eu gateway',
  role: 'gateway',
  entity: 'entity1',
  source: null,
  state: 'active',
  created_at: 1764547200,
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
  successor: null,
};

export const Key = z
  .object({
    object: z.literal('api_key'),
    id: z.string(),
    name: z.string(),
    role,
    entity: z.string().nullable(),
    source: z.string().nullable(),
    state,
    created_at: z.int(),
    expires_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
    last_used_at: z.int().nullable().describe('To the minute'),
    successor: z.string().nullable().describe('The key that took its place when it was rotated'),
  })
  .meta({ id: 'Key', example: KEY_EXAMPLE });
export type Key = z.output<typeof Key>;

export const NewKey = Key.extend({ secret: z.string().describe('Shown this once') }).meta({
  id: 'NewKey',
  example: {
    ...KEY_EXAMPLE,
    secret: 'sk-tally-O7gIeh_oXO0Vi58JrDr82kJoEGsmX1lIBeUHkITcOXA',
  },
});
export type NewKey = z.output<typeof NewKey>;
export const KeyList = listOf(Key).meta({ id: 'KeyList' });
export const DeletedKey = z
  .object({ object: z.literal('api_key.deleted'), id: z.string(), deleted: z.literal(true) })
  .meta({ id: 'DeletedKey' });
