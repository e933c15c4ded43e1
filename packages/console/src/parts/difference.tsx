/** Two states side by side, field by field: what differs stands out, in words too. */
import type { ReactNode } from 'react';
import { useStacked } from './stacked-rows.js';
import { ROLES } from './table-rows.js';
import { differs, type FieldPair } from './pairs.js';

const WIDTH_REM = 26;

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
  const { isStacked, watch } = useStacked(WIDTH_REM);
  return (
    <div
      className={isStacked ? 'scroll stacked' : 'scroll'}
      ref={watch}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table {...ROLES.table} className="differences" aria-label={label}>
        <thead {...ROLES.rowgroup} className={isStacked ? 'unseen' : undefined}>
          <tr {...ROLES.row}>
            {['Field', ...heads].map((head) => (
              <th key={head} {...ROLES.columnheader} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...ROLES.rowgroup}>
          {pairs.map((pair) => (
            <tr key={pair.field} {...ROLES.row} data-differs={marks && differs(pair) ? '' : undefined}>
              <th {...ROLES.rowheader} scope="row">
                {nameOf === undefined ? <code>{pair.field}</code> : nameOf(pair.field)}
                {marks && differs(pair) && <span className="unseen">, differs</span>}
              </th>
              <td {...ROLES.cell} data-label={heads[0]}>
                <div>{shown(pair.field, pair.before)}</div>
              </td>
              <td {...ROLES.cell} data-label={heads[1]}>
                <div>{shown(pair.field, pair.after)}</div>
              </td>
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
