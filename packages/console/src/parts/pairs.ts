/** Two states as pairs of fields. Pure. */

export type FieldPair = { readonly field: string; readonly before: unknown; readonly after: unknown };

/** Every field of either, `limits.monthly_cap_usd` for one within another. */
export function pairsOf(before: unknown, after: unknown): FieldPair[] {
  const [left, right] = [flat(before), flat(after)];
  return [...new Set([...left.keys(), ...right.keys()])].map((field) => ({
    field,
    before: left.get(field),
    after: right.get(field),
  }));
}

export function differs({ before, after }: FieldPair): boolean {
  return JSON.stringify(before ?? null) !== JSON.stringify(after ?? null);
}

function flat(value: unknown, path = ''): Map<string, unknown> {
  if (value === null || value === undefined) return new Map();
  if (typeof value !== 'object' || Array.isArray(value))
    return new Map([[path === '' ? 'value' : path, value]]);
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => {
      const here = path === '' ? name : `${path}.${name}`;
      const isGroup = inner !== null && typeof inner === 'object' && !Array.isArray(inner);
      return isGroup && Object.keys(inner as object).length > 0
        ? [...flat(inner, here)]
        : [[here, inner] as const];
    }),
  );
}
