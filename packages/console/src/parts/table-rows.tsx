/** The rows of a table. Of many, only those about the screen are drawn, with empty space above and below them. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, type ReactNode, type Ref } from 'react';

/** Fewer rows are all drawn, so that the browser's own search finds them. */
export const VIRTUAL_ROWS_MIN = 120;
const ROW_PIXELS = 45;

/** Said although they are those of the elements: a browser forgets them once rows are shown as blocks. */
export const ROLES = {
  table: { role: 'table' },
  rowgroup: { role: 'rowgroup' },
  row: { role: 'row' },
  columnheader: { role: 'columnheader' },
  rowheader: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

type CellsOf<T> = {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  readonly isNumber?: boolean;
};

type TableRowsProps<T> = {
  readonly columns: readonly CellsOf<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly toneOf?: (row: T) => 'bad' | undefined;
  readonly onEnd?: (() => void) | undefined;
  /** Null before it is known. */
  readonly scroll: HTMLDivElement | null;
  /** Whether rows beyond the screen are left out. */
  readonly isVirtual: boolean;
};

export function TableRows<T>({ columns, rows, keyOf, scroll, isVirtual, onEnd, toneOf }: TableRowsProps<T>) {
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLTableRowElement>({
    count: rows.length,
    enabled: isVirtual,
    getScrollElement: () => scroll,
    estimateSize: () => ROW_PIXELS,
    // Before it is known: the rows are drawn once, with the table, and not after it.
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    getItemKey: (index) => (rows[index] === undefined ? index : keyOf(rows[index])),
    measureElement: heightOf,
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
          <Line
            key={keyOf(row)}
            columns={columns}
            row={row}
            index={index}
            tone={toneOf?.(row)}
            ref={isVirtual ? virtualizer.measureElement : undefined}
          />
        );
      })}
      <Space pixels={below} columns={columns.length} />
    </tbody>
  );
}

/** As the browser says after its layout. Before that it is taken as known: asking would cost a layout of the page for each row. */
function heightOf(
  row: Element,
  entry: ResizeObserverEntry | undefined,
  virtualizer: Virtualizer<HTMLDivElement, HTMLTableRowElement>,
): number {
  const known = virtualizer.measurementsCache[virtualizer.indexFromElement(row as HTMLTableRowElement)]?.size;
  return Math.round(entry?.borderBoxSize[0]?.blockSize ?? known ?? ROW_PIXELS);
}

type LineProps<T> = {
  readonly columns: readonly CellsOf<T>[];
  readonly row: T;
  readonly index: number;
  readonly tone: 'bad' | undefined;
  readonly ref: Ref<HTMLTableRowElement> | undefined;
};

/** Remembered, so that scrolling draws only the rows that come into sight. */
const Line = memo(function Line<T>({ columns, row, index, tone, ref }: LineProps<T>) {
  return (
    <tr {...ROLES.row} data-index={index} data-tone={tone} aria-rowindex={index + 2} ref={ref}>
      {columns.map((column, at) => (
        <Cell key={column.id} column={column} row={row} isFirst={at === 0} />
      ))}
    </tr>
  );
}) as <T>(props: LineProps<T>) => ReactNode;

function Cell<T>({ column, row, isFirst }: { column: CellsOf<T>; row: T; isFirst: boolean }) {
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
