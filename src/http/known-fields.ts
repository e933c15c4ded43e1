/** The fields that a schema of a query or a body knows. */
import { z } from 'zod';

const known = new WeakMap<z.ZodType, ReadonlySet<string> | null>();

/** Null where the schema takes fields of any name, or no object. */
export function knownFields(schema: z.ZodType): ReadonlySet<string> | null {
  let fields = known.get(schema);
  if (fields === undefined) known.set(schema, (fields = read(schema)));
  return fields;
}

function read(schema: z.core.$ZodType): ReadonlySet<string> | null {
  if (schema instanceof z.ZodObject) {
    const { catchall, shape } = schema.def;
    const isOpen = catchall !== undefined && !(catchall instanceof z.ZodNever);
    return isOpen ? null : new Set(Object.keys(shape));
  }
  // What renames fields before its schema reads them knows best which there are.
  if (schema instanceof z.ZodPipe)
    return schema.def.in instanceof z.ZodTransform ? null : read(schema.def.in);
  if (isWrapper(schema)) return read(schema.def.innerType);
  if (schema instanceof z.ZodUnion) return union(schema.options.map(read));
  if (schema instanceof z.ZodIntersection) return union([read(schema.def.left), read(schema.def.right)]);
  return null;
}

function isWrapper(
  schema: z.core.$ZodType,
): schema is z.ZodOptional | z.ZodNullable | z.ZodDefault | z.ZodPrefault | z.ZodReadonly {
  return [z.ZodOptional, z.ZodNullable, z.ZodDefault, z.ZodPrefault, z.ZodReadonly].some(
    (kind) => schema instanceof kind,
  );
}

function union(sets: readonly (ReadonlySet<string> | null)[]): ReadonlySet<string> | null {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === null) return null;
    for (const field of set) all.add(field);
  }
  return all;
}
