/** Lists, page by page, up to as many rows as are asked for. */

const PAGE_ROWS_MAX = 100;

type Page<Row> = {
  readonly data: readonly Row[];
  readonly last_id: string | null;
  readonly has_more: boolean;
};

export type Rows<Row, Whole extends Page<Row> = Page<Row>> = {
  readonly rows: readonly Row[];
  /** There are more than were asked for. */
  readonly hasMore: boolean;
  /** What else the first page says, such as totals. */
  readonly first: Whole;
};

/** Where the list is sorted by what `isWanted` looks at, reading ends at the first row that it refuses. */
export async function rowsOf<Row, Whole extends Page<Row>>(
  read: (page: { limit: number; after?: string }) => Promise<Whole & Page<Row>>,
  { limit, isWanted = () => true }: { limit: number; isWanted?: (row: Row) => boolean },
): Promise<Rows<Row, Whole>> {
  const first: Whole & Page<Row> = await read({ limit: Math.min(limit, PAGE_ROWS_MAX) });
  const rows: Row[] = [];
  for (let page: Page<Row> = first; ;) {
    for (const row of page.data) {
      if (!isWanted(row)) return { rows, hasMore: false, first };
      if (rows.length === limit) return { rows, hasMore: true, first };
      rows.push(row);
    }
    if (!page.has_more || page.last_id === null) return { rows, hasMore: false, first };
    if (rows.length === limit) return { rows, hasMore: true, first };
    page = await read({ limit: Math.min(limit - rows.length, PAGE_ROWS_MAX), after: page.last_id });
  }
}
