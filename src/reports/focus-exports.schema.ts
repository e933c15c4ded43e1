/** Which FOCUS export. */
import { z } from 'zod';
import { entityName, period } from '../http/fields.js';

export const FocusQuery = z.strictObject({
  period,
  entity: entityName.optional().describe('By default all that the key may see'),
});
export type FocusQuery = z.output<typeof FocusQuery>;
