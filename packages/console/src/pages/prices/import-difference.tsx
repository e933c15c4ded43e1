/** What a price map would change: each entry of it is in exactly one of these parts. */
import { useCallback, useMemo, type ReactNode } from 'react';
import type { Schemas } from '../../api/client.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { groupDigits } from '../../parts/money.js';
import { importRoute, PARTS } from './route.js';
import { isByMillion, labelOfName, priceText } from './terms.js';
import { valueText } from '../../parts/difference.js';

type Difference = Schemas['PriceImport'];
type Part = (typeof PARTS)[number];

/** One field of one entry, or one entry with its reason. */
type Line = {
  readonly key: string;
  readonly model: string;
  readonly field: string;
  readonly before: ReactNode;
  readonly after: ReactNode;
  readonly texts: readonly (string | number | null)[];
};

const NAMES: Readonly<Record<Part, string>> = {
  changes: 'Changes',
  skipped: 'Skipped',
  kept: 'Kept: set by hand',
  ignored: 'Ignored fields',
  rounded: 'Rounded',
};

export function ImportDifference({ difference, act }: { difference: Difference; act: ReactNode }) {
  const { part = 'changes', search = '' } = importRoute.useSearch();
  const navigate = importRoute.useNavigate();
  const setPart = (next: Part) =>
    void navigate({ search: (before) => ({ ...before, part: next }), replace: true });
  const setSearch = useCallback(
    (typed: string) =>
      void navigate({ search: (before) => ({ ...before, search: typed || undefined }), replace: true }),
    [navigate],
  );
  const lines = useMemo(() => linesOf(difference, part), [difference, part]);
  const shown = useMemo(
    () => lines.filter(({ model }) => model.toLowerCase().includes(search.toLowerCase())),
    [lines, search],
  );
  const columns = part === 'changes' || part === 'kept' ? CHANGE_COLUMNS : REASON_COLUMNS;
  return (
    <section className="card stack" aria-label="Difference">
      <div className="card-head">
        <h2>Difference to the price book</h2>
        <div className="row">
          {act}
          <CsvButton fileName={`import-${part}.csv`} columns={columns} load={() => shown} />
        </div>
      </div>
      <div className="row" role="group" aria-label="Parts of the difference">
        {PARTS.map((each) => (
          <button
            key={each}
            type="button"
            className="segment"
            aria-pressed={each === part}
            onClick={() => setPart(each)}
          >
            {NAMES[each]} <span className="number">{groupDigits(difference[each].length)}</span>
          </button>
        ))}
        <span className="quiet">{groupDigits(difference.unchanged)} unchanged</span>
      </div>
      <SearchBox label="Search models" value={search} onChange={setSearch} />
      <DataTable
        label={NAMES[part]}
        columns={columns}
        rows={shown}
        keyOf={({ key }) => key}
        empty={
          <Empty title="No entry here">
            {search === '' ? 'No entry of the file is in this part.' : 'No model matches the search.'}
          </Empty>
        }
      />
    </section>
  );
}

function linesOf(difference: Difference, part: Part): Line[] {
  if (part === 'changes' || part === 'kept')
    return difference[part].flatMap(({ model, fields, before }) =>
      fields.map((pair) => ({
        key: `${model} ${pair.field}`,
        model,
        field: before === null ? `${labelOfName(pair.field)} (new)` : labelOfName(pair.field),
        before: shownValue(pair.field, pair.before),
        after: shownValue(pair.field, pair.after),
        texts: [pair.field, pair.before, pair.after],
      })),
    );
  if (part === 'skipped')
    return difference.skipped.map(({ model, reason, fields }) => ({
      key: model,
      model,
      field: fields.join(', '),
      before: reason,
      after: null,
      texts: [reason, fields.join(' ')],
    }));
  return difference[part].map(({ model, fields }) => ({
    key: model,
    model,
    field: fields.join(', '),
    before: part === 'ignored' ? 'Tally cannot charge it' : 'rounded to a whole picodollar',
    after: null,
    texts: [fields.join(' ')],
  }));
}

function shownValue(field: string, value: string | number | null): ReactNode {
  if (value !== null && (isByMillion(field) || field.endsWith('_usd'))) return priceText(String(value));
  return typeof value === 'number' ? groupDigits(value) : valueText(value);
}

const MODEL: Column<Line> = {
  id: 'model',
  header: 'Model',
  width: 20,
  cell: ({ model }) => model,
  csv: ({ model }) => model,
};

const CHANGE_COLUMNS: readonly Column<Line>[] = [
  MODEL,
  {
    id: 'field',
    header: 'Field',
    width: 14,
    cell: ({ field }) => field,
    csv: ({ texts }) => texts[0] ?? null,
  },
  {
    id: 'before',
    header: 'In force',
    width: 12,
    isNumber: true,
    cell: ({ before }) => before,
    csv: ({ texts }) => texts[1] ?? null,
  },
  {
    id: 'after',
    header: 'In the file',
    width: 12,
    isNumber: true,
    cell: ({ after }) => after,
    csv: ({ texts }) => texts[2] ?? null,
  },
];

const REASON_COLUMNS: readonly Column<Line>[] = [
  MODEL,
  {
    id: 'reason',
    header: 'Why',
    width: 20,
    cell: ({ before }) => before,
    csv: ({ texts }) => texts[0] ?? null,
  },
  {
    id: 'fields',
    header: 'Fields',
    width: 18,
    cell: ({ field }) => (field === '' ? <span className="quiet">–</span> : <code>{field}</code>),
    csv: ({ field }) => field,
  },
];
