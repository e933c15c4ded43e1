/** Schemas that parse less than the API's document shows, because something else does the rest. */
import type { z } from 'zod';

/** From the schema that parses to the one that is shown. */
export const documentedAs = new WeakMap<z.ZodType, z.ZodType>();
