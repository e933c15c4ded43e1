/** A change that is only tried. */
import { z } from 'zod';
import { queryFlag } from './fields.js';

export const DryRun = z.strictObject({
  dry_run: queryFlag.describe('Checks everything and answers as the change would, and changes nothing'),
});
export type DryRun = z.output<typeof DryRun>;
