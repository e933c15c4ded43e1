/** For schemas that parse less than the API's document shows, because other code reads the rest. */
import { z } from 'zod';

/** A copy of `parsing` that the document shows as `shown`. */
export function showAs<T extends z.ZodType>(parsing: T, shown: z.ZodType): T {
  return parsing.meta({ shown });
}

/** The schema that the document shows for this one. */
export function shownSchema(schema: z.ZodType): z.ZodType {
  const shown = schema.meta()?.['shown'];
  return shown instanceof z.ZodType ? shown : schema;
}
