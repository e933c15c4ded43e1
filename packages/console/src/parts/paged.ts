/** Lists that the API answers page by page, each page after the last id of the one before. */
import { infiniteQueryOptions } from '@tanstack/react-query';
import type { ParamsOption } from 'openapi-fetch';
import { answered, api, type AnswerTo, type GetPath } from '../api/client.js';
import type { paths } from '../../generated/document.js';

/** Rows that one call brings: the most that the API gives. */
const PAGE_ROWS = 100;

type Page<T> = { data: T[]; has_more: boolean; last_id: string | null };
type ListPath = { [P in GetPath]: AnswerTo<P> extends Page<infer _T> ? P : never }[GetPath];
type RowOf<P extends ListPath> = AnswerTo<P> extends Page<infer T> ? T : never;
type PageOf<P extends ListPath> = AnswerTo<P> & Page<RowOf<P>>;
type Params<P extends ListPath> = ParamsOption<Extract<paths[P]['get'], Record<string | number, unknown>>>;

/** `useInfiniteQuery(paging('/v1/entities', { params: { query: { search } } }))`; `rowsOf` has its rows. */
export function paging<P extends ListPath>(path: P, init: Params<P>) {
  return infiniteQueryOptions({
    queryKey: [path, init, 'pages'] as const,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => pageOf(path, init, { after: pageParam, signal }),
    getNextPageParam: (page: PageOf<P>) => (page.has_more ? page.last_id : null),
  });
}

/** Every row, page after page: for a file. */
export async function allOf<P extends ListPath>(path: P, init: Params<P>): Promise<RowOf<P>[]> {
  const rows: unknown[] = [];
  let after: string | null = null;
  do {
    const page: Page<unknown> = await pageOf(path, init, { after });
    rows.push(...page.data);
    after = page.has_more ? page.last_id : null;
  } while (after !== null);
  return rows as RowOf<P>[];
}

export function rowsOf<T>(pages: readonly Page<T>[]): T[] {
  return pages.flatMap(({ data }) => data);
}

function pageOf<P extends ListPath>(
  path: P,
  init: Params<P>,
  { after, signal }: { after: string | null; signal?: AbortSignal },
): Promise<PageOf<P>> {
  const get = api.GET as unknown as (path: string, init: object) => Promise<{ data?: PageOf<P> }>;
  const { params } = init;
  const query = { limit: PAGE_ROWS, ...params?.query, ...(after === null ? {} : { after }) };
  return answered(get(path, { ...init, params: { ...params, query }, signal }));
}
