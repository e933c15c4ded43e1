/** zod's schemas as the document's. */
import { z } from 'zod';
import { opened } from './document-schemas.js';
import { shownSchema } from './shown-schema.js';

export type Components = Record<string, object>;

/** A schema with an id becomes a component; one without an id stays inline. */
export function convert(
  schema: z.ZodType,
  io: 'input' | 'output',
): { schema: object; components: Components } {
  const options = { target: 'draft-2020-12', unrepresentable: 'any', io } as const;
  const { $defs, $schema: _, ...json } = z.toJSONSchema(shownSchema(schema), options);
  const made = { schema: json as object, components: Object($defs ?? {}) as Components };
  return io === 'output' ? (opened(made) as typeof made) : made;
}
