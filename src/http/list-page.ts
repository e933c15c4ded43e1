/** A page of rows as OpenAI's list object, and the cursor that it goes on behind. */
import { TallyError } from '../domain/errors.js';
import { CURSOR } from './fields.js';

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

/** A list that has no pages, because it is a handful of rows by its nature. Its route takes no `limit`, and its document says so. */
export function presentAll<Row, Body>(
  rows: readonly Row[],
  list: { idOf: (row: Row) => string; present: (row: Row) => Body },
): ListBody<Body> {
  return presentPage(rows, { ...list, limit: rows.length });
}

/** A page of a list whose rows are all at hand. Throws where `after` is none of them. */
export function presentSlice<Row, Body>(
  rows: readonly Row[],
  page: {
    limit: number;
    after: string | undefined;
    idOf: (row: Row) => string;
    present: (row: Row) => Body;
  },
): ListBody<Body> {
  const index = page.after === undefined ? -1 : rows.findIndex((row) => page.idOf(row) === page.after);
  if (index === -1 && page.after !== undefined) throw unknownCursor();
  return presentPage(rows.slice(index + 1), page);
}

/**
 * The row that a page goes on behind; null for the first page. `find` looks where the list looks: within what the caller may see, and what it
 * asked for, but for what may have changed since the page before, such as a status.
 */
export async function cursorRow<Cursor, Row>(
  after: Cursor | null,
  find: (after: Cursor) => Promise<Row | null>,
): Promise<Row | null> {
  if (after === null) return null;
  const row = await find(after);
  if (row === null) throw unknownCursor();
  return row;
}

/** The answer of every list to a cursor that names none of its rows. */
export function unknownCursor(param: 'after' | 'before' = 'after'): TallyError {
  return new TallyError('invalid_request', `${param}: ${CURSOR}`, { param });
}
