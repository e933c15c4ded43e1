/** Projects and models: searched, grouped, the largest first, the others in one line that opens. Its file has all of them. */
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { Count } from '../../parts/count.js';
import { change, othersText, share, type Measure } from '../../parts/words.js';
import { cachedAmong, tokensAmong } from '../../parts/meters.js';
import { changePerMille, exactUsd, groupDigits, picosPerMillion, readableUsd } from '../../parts/money.js';
import { percentText } from '../../parts/words.js';
import type { ReportOf } from './compute.js';
import { eventsOf } from './events-link.js';
import { reportRoute, ROWS, TOPS } from './route.js';
import { foldRows, measureOf, othersUsed, tokensOf, total, type TableRow } from './sums.js';

const ROW_LABELS = { project_model: 'Projects and models', project: 'Projects', model: 'Models' } as const;
const PRICE_DECIMALS = 4;

export function UsageTable({ report, show }: { report: ReportOf; show: Measure }) {
  const { rows: by = 'project_model', top = '10', search = '', sort = '-cost' } = reportRoute.useSearch();
  const navigate = reportRoute.useNavigate();
  const change = useCallback(
    (changes: Partial<ReturnType<typeof reportRoute.useSearch>>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const all = useMemo(() => ranked(foldRows(report.table, by), show), [report.table, by, show]);
  const found = useMemo(() => all.filter((row) => isFound(row, search)), [all, search]);
  const columns = useMemo(() => columnsOf(report, by, found), [report, by, found]);
  const count = top === 'all' ? found.length : Number(top);
  const [shown, others] = [found.slice(0, count), found.slice(count)];
  const setSearch = useCallback((typed: string) => change({ search: typed || undefined }), [change]);
  const { start, end } = report.range;
  return (
    <section className="card stack" aria-labelledby="usage-title" id="usage">
      <div className="card-head">
        <h2 id="usage-title">{ROW_LABELS[by]}</h2>
        <CsvButton
          fileName={`tally-${report.balance.entity}-projects-and-models-${start}-to-${end}.csv`}
          columns={[...columns, ...fileColumns(found)]}
          load={() => found}
        />
      </div>
      <div className="row">
        <SearchBox label="Search projects and models" value={search} onChange={setSearch} />
        <SelectBox
          label="Rows"
          value={by}
          options={ROWS.map((value) => ({ value, label: ROW_LABELS[value] }))}
          onChange={(next) => change({ rows: ROWS.find((each) => each === next) })}
        />
        <SelectBox
          label="Show"
          value={top}
          options={TOPS.map((value) => ({ value, label: value === 'all' ? 'All' : `Largest ${value}` }))}
          onChange={(next) => change({ top: TOPS.find((each) => each === next) })}
        />
      </div>
      <DataTable
        label={`${ROW_LABELS[by]}; change is ${report.comparedName}`}
        columns={columns}
        rows={shown}
        keyOf={({ project, model }) => `${project}\n${model}`}
        sort={sort}
        onSort={(next) => change({ sort: next })}
        totals={totalsOf(found, by)}
        empty={<Empty title="Nothing matches the search" />}
      />
      {others.length > 0 && <Others rows={others} onOpen={() => change({ top: 'all' })} />}
    </section>
  );
}

function ranked(rows: readonly TableRow[], show: Measure): TableRow[] {
  return rows.toSorted((a, b) => {
    const difference = measureOf(b, show) - measureOf(a, show);
    return difference === 0n ? 0 : difference > 0n ? 1 : -1;
  });
}

function isFound({ project, model }: TableRow, search: string): boolean {
  return `${project} ${model}`.toLowerCase().includes(search.toLowerCase());
}

function Others({ rows, onOpen }: { rows: readonly TableRow[]; onOpen: () => void }) {
  const sum = total(rows);
  return (
    <p className="others-line">
      <span>
        Others ({groupDigits(rows.length)}): <Amount usd={sum.picos} />, {groupDigits(sum.requests)} requests
      </span>
      <button type="button" onClick={onOpen}>
        Show all
      </button>
    </p>
  );
}

type By = (typeof ROWS)[number];

function totalsOf(rows: readonly TableRow[], by: By) {
  const sum = total(rows);
  return {
    [by === 'model' ? 'model' : 'project']: 'Total',
    cost: <Amount usd={sum.picos} />,
    requests: <Count of={sum.requests} />,
    input: <Count of={sum.input} />,
    cached: <Count of={sum.cached} />,
    output: <Count of={sum.output} />,
    share: percentText(cachedShare(sum)),
  };
}

function columnsOf(report: ReportOf, by: By, rows: readonly TableRow[]): Column<TableRow>[] {
  const { entity } = report.balance;
  const events = (row: TableRow, text: string) =>
    row.requests === 0 ? (
      text
    ) : (
      <Link
        to="/customers/$entity/events"
        params={{ entity }}
        search={eventsOf(report, row)}
        title={`Events of ${text}`}
      >
        {text}
      </Link>
    );
  const project: Column<TableRow> = {
    id: 'project',
    header: 'Project',
    width: 7,
    cell: (row) => (by === 'project' ? events(row, row.project) : row.project),
    sortBy: (row) => row.project,
    csv: (row) => row.project,
  };
  const model: Column<TableRow> = {
    id: 'model',
    header: 'Model',
    width: 9,
    cell: (row) => events(row, row.model),
    sortBy: (row) => row.model,
    csv: (row) => row.model,
  };
  const names = by === 'project_model' ? [project, model] : [by === 'project' ? project : model];
  return [...names, ...FIGURES, ...othersColumns(rows), ...LAST];
}

const FIGURES: readonly Column<TableRow>[] = [
  {
    id: 'cost',
    header: 'Cost',
    isNumber: true,
    width: 6,
    cell: (row) => <Amount usd={row.picos} />,
    sortBy: (row) => row.picos,
    csv: (row) => exactUsd(row.picos),
  },
  {
    id: 'change',
    header: 'Change',
    isNumber: true,
    width: 5,
    cell: (row) =>
      row.earlier === 0n && row.now > 0n ? 'new' : change(changePerMille(row.now, row.earlier)),
    sortBy: (row) => changePerMille(row.now, row.earlier),
  },
  count('requests', 'Requests', (row) => row.requests, 4.6),
  count('input', 'Input', (row) => row.input),
  count('cached', 'Cached input', (row) => row.cached, 6.2),
  count('output', 'Output', (row) => row.output, 6.2),
];

function count(id: string, header: string, of: (row: TableRow) => number, width = 6.6): Column<TableRow> {
  return {
    id,
    header,
    isNumber: true,
    width,
    cell: (row) => <Count of={of(row)} />,
    sortBy: of,
    csv: of,
  };
}

/** In files alone: the compared costs, and a column for each meter beside the usual ones. */
function fileColumns(rows: readonly TableRow[]): Column<TableRow>[] {
  const amount = (id: string, of: (row: TableRow) => bigint): Column<TableRow> => ({
    id,
    header: '',
    cell: () => null,
    csv: (row) => exactUsd(of(row)),
  });
  const meters = othersUsed(rows).map((meter) => ({
    id: meter,
    header: '',
    cell: () => null,
    csv: (row: TableRow) => row.others[meter] ?? 0,
  }));
  return [
    amount('compared_cost_usd', (row) => row.now),
    amount('compared_cost_before_usd', (row) => row.earlier),
    ...meters,
  ];
}

/** All in one column, because each is used by few rows. */
function othersColumns(rows: readonly TableRow[]): Column<TableRow>[] {
  const used = othersUsed(rows);
  if (used.length === 0) return [];
  const shown: Column<TableRow> = {
    id: 'others',
    header: 'Other meters',
    width: 8.5,
    cell: ({ others }) => othersText(others),
  };
  return [shown];
}

const LAST: readonly Column<TableRow>[] = [
  {
    id: 'share',
    header: 'Cached share',
    isNumber: true,
    width: 4,
    cell: (row) => percentText(cachedShare(row)),
    sortBy: (row) => cachedShare(row),
  },
  {
    id: 'average_usd_per_million_tokens',
    header: '$ per 1M tokens',
    isNumber: true,
    width: 4.6,
    cell: (row) => <Price row={row} />,
    sortBy: (row) => picosPerMillion(row.picos, tokensOf(row)),
    csv: (row) => {
      const price = picosPerMillion(row.picos, tokensOf(row));
      return price === null ? null : exactUsd(price);
    },
  },
];

function Price({ row }: { row: TableRow }) {
  const price = picosPerMillion(row.picos, tokensOf(row));
  if (price === null) return '–';
  if (row.picos === 0n) return <span className="quiet">no price yet</span>;
  return readableUsd(price, PRICE_DECIMALS);
}

/** Tokens that were read from a cache, of all tokens of the prompts. */
function cachedShare(row: Pick<TableRow, 'input' | 'cached' | 'others'>): number {
  const prompt = row.input + row.cached + tokensAmong(row.others, 'input');
  return share(row.cached + cachedAmong(row.others), prompt);
}
