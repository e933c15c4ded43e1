/** The chains of ledger and audit entries in requests and answers. */
import { z } from 'zod';
import { afterText, entityName, limitOfPage, listOrder } from '../http/fields.js';
import { listOf } from '../http/lists.schema.js';
import { CHAINED_LOGS } from './chains.sql.js';
import { HEAD_TEXT, parseHeadText } from './chains.js';

const LOG = `must be ${CHAINED_LOGS.join(' or ')}`;
const log = z.enum(CHAINED_LOGS, LOG).meta({ id: 'ChainedLog' });
const HEAD = 'must be a head as it is logged and listed: log:entity:id:hash';

export const ChainsQuery = z.strictObject({
  entity: entityName.optional(),
  log: log.optional(),
  order: listOrder('asc', 'By entity, and then by log'),
  limit: limitOfPage.optional(),
  after: afterText,
  head: z
    .string()
    .transform((text, context) => {
      const head = parseHeadText(text);
      if (head !== null) return { ...head, text: text.trim() };
      context.addIssue({ code: 'custom', message: HEAD });
      return z.NEVER;
    })
    .optional()
    .meta({
      pattern: HEAD_TEXT.source,
      description: 'A head that was logged or listed before: is everything up to it as it was?',
    }),
});
export type ChainsQuery = z.output<typeof ChainsQuery>;

export const Chain = z
  .object({
    object: z.literal('chain'),
    id: z.string(),
    log,
    entity: z.string().nullable().describe('Null: audit entries that concern no entity'),
    entries: z.int().describe('How many entries there ever were'),
    pruned: z.int().describe('How many of them, the oldest, were pruned'),
    last_id: z.string(),
    hash: z.string(),
    head: z.string().describe('What to keep, and to give back as `head`'),
  })
  .meta({ id: 'Chain' });
export type Chain = z.output<typeof Chain>;

export const ChainVerification = z
  .object({
    object: z.literal('chain_verification'),
    head: z.string(),
    ok: z.boolean(),
    verdict: z
      .enum(['stands', 'pruned', 'changed', 'missing', 'broken'])
      .meta({ id: 'ChainVerdict' })
      .describe(
        'stands: all entries up to it are as they were; changed: this entry has another hash now; missing: there is no such entry; broken: it is there, and the chain has a break; pruned: it was pruned, which says nothing',
      ),
  })
  .meta({ id: 'ChainVerification' });
export type ChainVerification = z.output<typeof ChainVerification>;

export const Chains = z.discriminatedUnion('object', [
  listOf(Chain).meta({ id: 'ChainList' }),
  ChainVerification,
]);
