/**
 * A table of any length: headers stay and sort, rows beyond the screen are not drawn. Where it does not fit, it scrolls inside, with its first
 * column in place; on a narrow screen each row is a block of its own instead. It neither searches nor loads: it gets the rows that are wanted.
 */
import { useCallback, useState, type ReactNode } from 'react';
import type { CsvCell } from './csv.js';
import { Empty } from './empty.js';
import { useOrderedRows, type SortValue } from './ordered-rows.js';
import { SortSelect, useStacked } from './stacked-rows.js';
import { ROLES, TableRows, VIRTUAL_ROWS_MIN } from './table-rows.js';

export type Column<T> = {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  /** Where the column can be sorted; a null comes last. Of a list that the server sorts, any value. */
  readonly sortBy?: (row: T) => SortValue;
  /** What a file has of it; a column without it is in no file. */
  readonly csv?: (row: T) => CsvCell;
  readonly isNumber?: boolean;
  /** In `rem`. Of the room that is left, each column gets its share. */
  readonly width?: number;
};

/** `cost`, or `-cost` for the largest first: as the address holds it. */
type Sort = string;

type DataTableProps<T> = {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly sort?: Sort | undefined;
  readonly onSort?: (sort: Sort) => void;
  /** True where the rows come in the order of `sort`. */
  readonly isSorted?: boolean;
  /** What there is in all, where only some rows are loaded. */
  readonly total?: number;
  /** Called when the last rows come into sight. */
  readonly onEnd?: (() => void) | undefined;
  readonly toneOf?: (row: T) => 'bad' | undefined;
  readonly empty?: ReactNode;
  /** Cells of a last line, by column. */
  readonly totals?: Readonly<Record<string, ReactNode>>;
};

const FIRST_COLUMN_REM = 14;
const COLUMN_REM = 8;
/** Of a table that scrolls to the side on a narrow screen no column is wider, so that a number is in sight beside the first one. */
const COLUMN_MAX = '42vw';
/** More rows scroll within the table. */
const ROWS_IN_PAGE_MAX = 25;

export function DataTable<T extends object>(props: DataTableProps<T>) {
  const { columns, rows, label, empty } = props;
  const ordered = useOrderedRows(props);
  const isVirtual = rows.length >= VIRTUAL_ROWS_MIN || props.onEnd !== undefined;
  // State and no ref: the rows are measured against it, and they are there before a ref is.
  const [scroll, setScroll] = useState<HTMLDivElement | null>(null);
  const width = columns.reduce((sum, column, index) => sum + remOf(column, index), 0);
  const { isStacked, watch } = useStacked(width);
  const frame = useCallback(
    (element: HTMLDivElement) => {
      if (isVirtual) setScroll(element);
      return watch(element);
    },
    [watch, isVirtual],
  );
  if (rows.length === 0) return empty ?? <Empty title="Nothing to show" />;
  const widths = columns.map((column, index) => `min(${remOf(column, index)}rem, ${COLUMN_MAX})`);
  const isLong = rows.length > ROWS_IN_PAGE_MAX || props.onEnd !== undefined;
  const shape = `${isLong ? ' long' : ''}${isStacked ? ' stacked' : ''}`;
  return (
    <>
      {isStacked && <SortSelect {...props} />}
      <div className={`scroll${shape}`} ref={frame} tabIndex={0} role="group" aria-label={label}>
        <table
          {...ROLES.table}
          aria-label={label}
          aria-rowcount={(props.total ?? rows.length) + 1}
          style={isStacked ? undefined : { minInlineSize: `calc(${widths.join(' + ')})` }}
        >
          <colgroup>
            {columns.map((column, index) => (
              <col key={column.id} style={{ inlineSize: widths[index] }} />
            ))}
          </colgroup>
          <Head {...props} isStacked={isStacked} />
          <TableRows {...props} rows={ordered} scroll={scroll} isVirtual={isVirtual} />
          {props.totals && <Foot columns={columns} totals={props.totals} />}
        </table>
      </div>
    </>
  );
}

function remOf({ width }: { width?: number }, index: number): number {
  return width ?? (index === 0 ? FIRST_COLUMN_REM : COLUMN_REM);
}

function Head<T>({ columns, sort, onSort, isStacked }: DataTableProps<T> & { isStacked: boolean }) {
  return (
    <thead {...ROLES.rowgroup} className={isStacked ? 'unseen' : undefined}>
      <tr {...ROLES.row} aria-rowindex={1}>
        {columns.map(({ id, header, sortBy, isNumber }) => {
          const canSort = sortBy !== undefined && onSort !== undefined && !isStacked;
          const direction = sort === id ? 'ascending' : sort === `-${id}` ? 'descending' : undefined;
          // Amounts are wanted with the largest first, names from A.
          const next =
            direction === 'descending' ? id : direction === 'ascending' || isNumber ? `-${id}` : id;
          return (
            <th
              key={id}
              {...ROLES.columnheader}
              scope="col"
              className={isNumber ? 'number' : undefined}
              aria-sort={direction}
            >
              {canSort ? (
                <button type="button" className="sort" onClick={() => onSort(next)}>
                  {header}
                  <span aria-hidden="true">
                    {direction === 'ascending' ? ' ↑' : direction === 'descending' ? ' ↓' : ''}
                  </span>
                </button>
              ) : (
                header
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function Foot<T>({
  columns,
  totals,
}: {
  columns: readonly Column<T>[];
  totals: Readonly<Record<string, ReactNode>>;
}) {
  return (
    <tfoot {...ROLES.rowgroup}>
      <tr {...ROLES.row}>
        {columns.map(({ id, header, isNumber }, index) =>
          index === 0 ? (
            <th key={id} {...ROLES.rowheader} scope="row">
              {totals[id]}
            </th>
          ) : (
            <td key={id} {...ROLES.cell} className={isNumber ? 'number' : undefined} data-label={header}>
              <div>{totals[id]}</div>
            </td>
          ),
        )}
      </tr>
    </tfoot>
  );
}
