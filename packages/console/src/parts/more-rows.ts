/** A list that loads its next page when its end comes into sight. */
import { useCallback, useMemo } from 'react';
import type { UseInfiniteQueryResult, InfiniteData } from '@tanstack/react-query';
import { rowsOf } from './paged.js';

type Page<T> = { data: T[]; has_more: boolean; last_id: string | null };

export function useRows<T>(found: UseInfiniteQueryResult<InfiniteData<Page<T>>>): {
  rows: T[];
  onEnd: (() => void) | undefined;
} {
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return { rows, onEnd: hasNextPage && !isFetchingNextPage ? more : undefined };
}
