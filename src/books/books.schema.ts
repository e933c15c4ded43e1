/** Reconciliation and repair in requests and answers. */
import { z } from 'zod';
import { texts } from '../http/maps.schema.js';
import { entityName, queryFlag } from '../http/fields.js';

export const Reconciliation = z
  .object({
    object: z.literal('reconciliation'),
    ok: z.boolean(),
    checks: z.array(
      z
        .object({
          name: z.string(),
          ok: z.boolean(),
          left: z.string(),
          right: z.string(),
          differences: z.array(z.record(z.string(), z.unknown()).meta({ id: 'Difference' })),
        })
        .meta({ id: 'ReconciliationCheck' }),
    ),
  })
  .meta({ id: 'Reconciliation' });

export const RepairQuery = z.strictObject({ dry_run: queryFlag });
export type RepairQuery = z.output<typeof RepairQuery>;

export const RepairOrder = z
  .strictObject({ entity: entityName.nullable().describe('Null is every entity') })
  .meta({ id: 'RepairOrder', example: { entity: 'entity1' } });
export type RepairOrder = z.output<typeof RepairOrder>;

export const Repair = z
  .object({
    object: z.literal('repair'),
    entity: z.string().nullable(),
    dry_run: z.boolean(),
    changed: z.int().describe('Rows that differ from what events, corrections and ledger say'),
    changes: z
      .array(
        z
          .object({ projection: z.string(), key: texts, before: texts, after: texts })
          .meta({ id: 'RepairChange' }),
      )
      .describe('The first of them; amounts in picodollars'),
  })
  .meta({ id: 'Repair' });
export type Repair = z.output<typeof Repair>;
