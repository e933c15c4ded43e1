/** The months that have a statement, in answers. */
import { z } from 'zod';
import { statementStatus } from './statements.schema.js';

const StatementMonth = z
  .object({
    period: z.string(),
    status: statementStatus,
    number: z.string().nullable().describe('Null for a draft'),
    closed_at: z.int().nullable(),
    charged_usd: z.string().describe('What the usage charged to the month cost, corrections included'),
    credits_usd: z.string().describe('The part that credits paid'),
    overage_usd: z.string().describe('The part that no credits paid'),
  })
  .meta({ id: 'StatementMonth' });

export const StatementMonths = z
  .object({
    object: z.literal('statement_months'),
    entity: z.string(),
    months: z.array(StatementMonth).describe('Newest first'),
  })
  .meta({ id: 'StatementMonths' });
