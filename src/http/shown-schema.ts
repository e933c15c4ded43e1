/** Schemas that parse less than the API's document shows, because something else does the rest. */
import { z } from 'zod';

/** A copy of `parsing` that the document shows as `shown`. */
export function showAs<T extends z.ZodType>(parsing: T, shown: z.ZodType): T {
  return parsing.meta({ shown });
}

/** What the document shows of a schema. */
export function shownSchema(schema: z.ZodType): z.ZodType {
  const shown = schema.meta()?.['shown'];
  return shown instanceof z.ZodType ? shown : schema;
}
