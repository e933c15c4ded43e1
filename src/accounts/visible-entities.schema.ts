/** The entities that a key may look at. */
import { z } from 'zod';
import { listOf } from '../http/lists.schema.js';

export const VisibleEntityList = listOf(
  z.object({ object: z.literal('entity_name'), entity: z.string(), plan: z.string() }),
).meta({ id: 'VisibleEntityList' });
export type VisibleEntity = z.output<typeof VisibleEntityList>['data'][number];
