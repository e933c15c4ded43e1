/** A page of rows as OpenAI's list object. */

export type ListBody<T> = {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
};

/** `rows` has one row more than the page where there is a next page. */
export function presentPage<Row, Body>(
  rows: readonly Row[],
  page: { limit: number; idOf: (row: Row) => string; present: (row: Row) => Body },
): ListBody<Body> {
  const shown = rows.slice(0, page.limit);
  const [first, last] = [shown[0], shown.at(-1)];
  return {
    object: 'list',
    data: shown.map(page.present),
    first_id: first === undefined ? null : page.idOf(first),
    last_id: last === undefined ? null : page.idOf(last),
    has_more: rows.length > shown.length,
  };
}

/** All rows on one page. */
export function presentAll<Row, Body>(
  rows: readonly Row[],
  list: { idOf: (row: Row) => string; present: (row: Row) => Body },
): ListBody<Body> {
  return presentPage(rows, { ...list, limit: rows.length });
}
