/** The rows of a table in the order that is asked for, by TanStack Table. */
import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import type { Row } from '@tanstack/react-table';
import { useMemo } from 'react';

/** A null comes last in both directions; equal values keep their order. */
export type SortValue = string | number | bigint | null;

type Table<T> = {
  readonly columns: readonly {
    readonly id: string;
    readonly sortBy?: ((row: T) => SortValue) | undefined;
  }[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** `cost`, or `-cost` for the largest first. */
  readonly sort?: string | undefined;
  /** True where the rows come in the order of `sort`. */
  readonly isSorted?: boolean;
};

/** Numbers in names are numbers: `user-2` comes before `user-10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
type Features = typeof features;

export function useOrderedRows<T extends object>(of: Table<T>): readonly T[] {
  const { columns, rows, keyOf, sort, isSorted = false } = of;
  const table = useTable<Features, T>({
    features,
    data: useMemo(() => [...rows], [rows]),
    columns: useMemo(() => columns.map(definitionOf), [columns]),
    getRowId: keyOf,
    manualSorting: isSorted,
    state: { sorting: useMemo(() => (sort === undefined ? [] : [sortingOf(sort)]), [sort]) },
  });
  const ordered = table.getRowModel().rows;
  return useMemo(() => ordered.map(({ original }) => original), [ordered]);
}

function sortingOf(sort: string): { id: string; desc: boolean } {
  return { id: sort.replace(/^-/, ''), desc: sort.startsWith('-') };
}

function definitionOf<T extends object>({ id, sortBy }: Table<T>['columns'][number]) {
  return {
    id,
    accessorFn: (row: T) => sortBy?.(row) ?? undefined,
    sortFn: (a: Row<Features, T>, b: Row<Features, T>) => compare(a.getValue(id), b.getValue(id)),
    sortUndefined: 'last' as const,
  };
}

function compare(a: NonNullable<SortValue>, b: NonNullable<SortValue>): number {
  if (typeof a === 'string' && typeof b === 'string') return NAMES.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
