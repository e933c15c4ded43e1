/** Two states side by side, field by field: what differs stands out, in words too. */
import type { ReactNode } from 'react';
import { differs, type FieldPair } from './pairs.js';

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
