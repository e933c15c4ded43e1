/** Two states side by side, field by field: what differs stands out, in words too. */
import type { ReactNode } from 'react';

type FieldPair = { readonly field: string; readonly before: unknown; readonly after: unknown };

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

export function Differences({
  label,
  pairs,
  heads = ['Before', 'After'],
  marks = true,
  nameOf,
  textOf,
}: {
  label: string;
  pairs: readonly FieldPair[];
  heads?: readonly [string, string];
  /** Whether rows that differ are marked: where some do not. */
  marks?: boolean;
  /** Words for fields and values; without them they are shown as they are. */
  nameOf?: (field: string) => string;
  textOf?: (field: string, value: unknown) => string;
}) {
  const shown = (field: string, value: unknown) =>
    textOf === undefined || value === undefined ? valueText(value) : textOf(field, value);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="differences" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">{heads[0]}</th>
            <th scope="col">{heads[1]}</th>
          </tr>
        </thead>
        <tbody>
          {pairs.map((pair) => (
            <tr key={pair.field} data-differs={marks && differs(pair) ? '' : undefined}>
              <th scope="row">
                {nameOf === undefined ? <code>{pair.field}</code> : nameOf(pair.field)}
                {marks && differs(pair) && <span className="unseen">, differs</span>}
              </th>
              <td>{shown(pair.field, pair.before)}</td>
              <td>{shown(pair.field, pair.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function valueText(value: unknown): ReactNode {
  if (value === null || value === undefined || value === '') return <span className="quiet">–</span>;
  if (typeof value === 'object') return <code>{JSON.stringify(value)}</code>;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
