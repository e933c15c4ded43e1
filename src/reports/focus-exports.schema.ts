/** Which FOCUS export. */
import { z } from 'zod';
import { entityName, period } from '../http/fields.js';

export const FocusQuery = z.strictObject({
  period,
  entity: entityName.optional().describe('All that the key may see where it is left out'),
});
export type FocusQuery = z.output<typeof FocusQuery>;
