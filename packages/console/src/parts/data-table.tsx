/**
 * A table of any length: headers stay and sort, rows beyond the screen are not drawn. Where it does not fit, it scrolls inside, with its first
 * column in place; on a narrow screen each row is a block of its own instead. It neither searches nor loads: it gets the rows that are wanted.
 */
import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import type { Row, Table } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import type { CsvCell } from './csv.js';
import { Empty } from './empty.js';
import { SortSelect, useStacked } from './stacked-rows.js';

type SortValue = string | number | bigint | null;

export type Column<T> = {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  /** Where the column can be sorted; a null comes last. Of a list that the server sorts, any value. */
  readonly sortBy?: (row: T) => SortValue;
  /** What a file has of it; a column without it is in no file. */
  readonly csv?: (row: T) => CsvCell;
  readonly isNumber?: boolean;
  /** In `rem`. */
  readonly width?: number;
  /** It takes the width that is left. Without such a column each grows by its share. */
  readonly isWide?: boolean;
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
  /** The last column stays in sight where the table scrolls to the side. */
  readonly isEndPinned?: boolean;
  /** Cells of a last line, by column. */
  readonly totals?: Readonly<Record<string, ReactNode>>;
};

/** Fewer rows are all drawn, so that the browser's own search finds them. */
const VIRTUAL_ROWS_MIN = 120;
const ROW_PIXELS = 45;
const FIRST_COLUMN_REM = 14;
const COLUMN_REM = 8;
/** Of a table that scrolls to the side on a narrow screen no column is wider, so that a number is in sight beside the first one. */
const COLUMN_MAX = '42vw';
/** More rows scroll within the table. */
const ROWS_IN_PAGE_MAX = 25;

/** Said although they are those of the elements: a browser forgets them once rows are shown as blocks. */
const ROLES = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
type Features = typeof features;

export function DataTable<T extends object>(props: DataTableProps<T>) {
  const { columns, rows, keyOf, sort, isSorted = false, label, empty } = props;
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable<Features, T>({
    features,
    data,
    columns: useMemo(() => columns.map(definitionOf), [columns]),
    getRowId: keyOf,
    manualSorting: isSorted,
    state: { sorting: sort === undefined ? [] : [sortingOf(sort)] },
  });
  // State and no ref: the rows are measured against it, and they are there before a ref is.
  const [scroll, setScroll] = useState<HTMLDivElement | null>(null);
  const width = columns.reduce((sum, column, index) => sum + remOf(column, index), 0);
  const isTooNarrow = useStacked(scroll, width);
  const isStacked = isTooNarrow && !props.isEndPinned;
  if (rows.length === 0) return empty ?? <Empty title="Nothing to show" />;
  const widths = columns.map((column, index) => `min(${remOf(column, index)}rem, ${COLUMN_MAX})`);
  const isLong = rows.length > ROWS_IN_PAGE_MAX || props.onEnd !== undefined;
  const shape = `${isLong ? ' long' : ''}${isStacked ? ' stacked' : props.isEndPinned ? ' pinned' : ''}`;
  return (
    <>
      {isStacked && <SortSelect {...props} />}
      <div className={`scroll${shape}`} ref={setScroll} tabIndex={0} role="group" aria-label={label}>
        <table
          {...ROLES.table}
          aria-label={label}
          aria-rowcount={(props.total ?? rows.length) + 1}
          style={isStacked ? undefined : { minInlineSize: `calc(${widths.join(' + ')})` }}
        >
          <colgroup>
            {columns.map((column, index) => (
              <col key={column.id} style={column.isWide ? undefined : { inlineSize: widths[index] }} />
            ))}
          </colgroup>
          <Head {...props} isStacked={isStacked} />
          <Body {...props} table={table} scroll={scroll} />
          {props.totals && <Foot columns={columns} totals={props.totals} />}
        </table>
      </div>
    </>
  );
}

function remOf({ width }: { width?: number }, index: number): number {
  return width ?? (index === 0 ? FIRST_COLUMN_REM : COLUMN_REM);
}

function sortingOf(sort: Sort): { id: string; desc: boolean } {
  return { id: sort.replace(/^-/, ''), desc: sort.startsWith('-') };
}

function definitionOf<T extends object>({ id, sortBy }: Column<T>) {
  return {
    id,
    accessorFn: (row: T) => sortBy?.(row) ?? undefined,
    sortFn: (a: Row<Features, T>, b: Row<Features, T>) =>
      compare(a.getValue<SortValue>(id), b.getValue<SortValue>(id)),
    sortUndefined: 'last' as const,
  };
}

function compare(a: SortValue, b: SortValue): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b, 'en', { numeric: true });
  if (a === null || b === null || a === b) return 0;
  return a < b ? -1 : 1;
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

type BodyProps<T extends object> = DataTableProps<T> & {
  readonly table: Pick<Table<Features, T>, 'getRowModel'>;
  readonly scroll: HTMLDivElement | null;
};

function Body<T extends object>({ columns, table, scroll, onEnd, toneOf }: BodyProps<T>) {
  const { rows } = table.getRowModel();
  const isVirtual = rows.length >= VIRTUAL_ROWS_MIN || onEnd !== undefined;
  const virtualizer = useVirtualizer({
    count: rows.length,
    enabled: isVirtual,
    getScrollElement: () => scroll,
    estimateSize: () => ROW_PIXELS,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const isAtEnd = isVirtual && last >= rows.length - 1;
  useEffect(() => {
    if (isAtEnd) onEnd?.();
  }, [isAtEnd, onEnd, rows.length]);
  const drawn = isVirtual ? items.map(({ index }) => index) : rows.map((_, index) => index);
  const above = isVirtual ? (items[0]?.start ?? 0) : 0;
  const below = isVirtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  return (
    <tbody {...ROLES.rowgroup}>
      <Space pixels={above} columns={columns.length} />
      {drawn.map((index) => {
        const row = rows[index]!;
        return (
          <tr
            key={row.id}
            {...ROLES.row}
            data-index={index}
            data-tone={toneOf?.(row.original)}
            aria-rowindex={index + 2}
            ref={isVirtual ? virtualizer.measureElement : undefined}
          >
            {columns.map((column, at) => (
              <Cell key={column.id} column={column} row={row.original} isFirst={at === 0} />
            ))}
          </tr>
        );
      })}
      <Space pixels={below} columns={columns.length} />
    </tbody>
  );
}

function Cell<T>({ column, row, isFirst }: { column: Column<T>; row: T; isFirst: boolean }) {
  const className = column.isNumber ? 'number' : undefined;
  return isFirst ? (
    <th {...ROLES.rowheader} scope="row" className={className}>
      {column.cell(row)}
    </th>
  ) : (
    <td {...ROLES.cell} className={className} data-label={column.header}>
      <div>{column.cell(row)}</div>
    </td>
  );
}

/** Takes the place of rows that are not drawn. */
function Space({ pixels, columns }: { pixels: number; columns: number }) {
  if (pixels <= 0) return null;
  return (
    <tr aria-hidden="true" className="space">
      <td colSpan={columns} style={{ blockSize: pixels }} />
    </tr>
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
