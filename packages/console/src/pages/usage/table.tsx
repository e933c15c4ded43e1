/** Every group with its sums and a link to its events; a click on a name filters by it. */
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { Count } from '../../parts/count.js';
import { othersText } from '../../parts/words.js';
import { METERS, othersOf } from '../../parts/meters.js';
import { exactUsd, groupDigits } from '../../parts/money.js';
import { eventsSearch } from './events-search.js';
import type { Explored } from './explored.js';
import { fieldLabel, withFilter, writeFilters } from './filters.js';
import { nameIn, sumRows, type GroupRow } from './groups.js';

export function GroupsTable({ of, rows }: { of: Explored; rows: readonly GroupRow[] }) {
  const { groups, change, search, top } = of;
  const columns = useMemo(() => columnsOf(of, rows), [of, rows]);
  const count = top === 'all' ? rows.length : Number(top);
  const [shown, others] = useMemo(() => [rows.slice(0, count), rows.slice(count)], [rows, count]);
  const total = useMemo(() => sumRows(rows, []), [rows]);
  const setSearch = useCallback((typed: string) => change({ search: typed || undefined }), [change]);
  return (
    <section className="card stack" aria-labelledby="groups-title">
      <div className="card-head">
        <h2 id="groups-title">{`By ${groups.map((field) => fieldLabel(field).toLowerCase()).join(' and ')}`}</h2>
        <CsvButton
          fileName={`tally-${of.entity}-usage-${of.from}-to-${of.to}.csv`}
          columns={[...columns, ...meterColumns(rows)]}
          load={() => rows}
        />
      </div>
      <SearchBox label="Search the groups" value={search.search ?? ''} onChange={setSearch} />
      <DataTable
        label="Groups of usage"
        columns={columns}
        rows={shown}
        keyOf={({ key }) => key}
        sort={search.sort ?? '-cost_usd'}
        onSort={(sort) => change({ sort })}
        total={rows.length}
        totals={{
          [groups[0] ?? '']: `Total of ${groupDigits(rows.length)}`,
          cost_usd: <Amount usd={total.picos} />,
          requests: <Count of={total.requests} />,
          tokens: <Count of={total.tokens} />,
          input_tokens: <Count of={total.quantities['input'] ?? 0} />,
          cached_input_tokens: <Count of={total.quantities['cached_input'] ?? 0} />,
          output_tokens: <Count of={outputOf(total)} />,
        }}
        empty={<Empty title="No usage matches">Change the days, the filters or the search.</Empty>}
      />
      {others.length > 0 && <Others rows={others} onOpen={() => change({ top: 'all' })} />}
    </section>
  );
}

function Others({ rows, onOpen }: { rows: readonly GroupRow[]; onOpen: () => void }) {
  const { picos, tokens } = sumRows(rows, []);
  return (
    <p className="others-line">
      <span>
        Others ({groupDigits(rows.length)}): <Amount usd={picos} />, {groupDigits(tokens)} tokens
      </span>
      <button type="button" onClick={onOpen}>
        Show all
      </button>
    </p>
  );
}

function columnsOf(of: Explored, rows: readonly GroupRow[]): Column<GroupRow>[] {
  const hasOthers = rows.some(({ quantities }) => Object.keys(othersOf(quantities)).length > 0);
  return [
    ...of.groups.map((field, at) => nameColumn(of, field, at)),
    {
      id: 'cost_usd',
      header: 'Cost',
      isNumber: true,
      width: 6,
      cell: ({ picos, isWaiting }) => (
        <>
          <Amount usd={picos} />
          {isWaiting && (
            <div>
              <Badge tone="warn">no price yet</Badge>
            </div>
          )}
        </>
      ),
      sortBy: ({ picos }) => picos,
      csv: ({ picos }) => exactUsd(picos),
    },
    count('requests', 'Requests', ({ requests }) => requests, 4.6),
    hasOthers && of.groups.length > 1 ? TOKENS_AND_OTHERS : TOKENS,
    count('input_tokens', 'Input', ({ quantities }) => quantities['input'] ?? 0),
    count('cached_input_tokens', 'Cached input', ({ quantities }) => quantities['cached_input'] ?? 0, 6),
    count('output_tokens', 'Output', outputOf, 6),
    ...(hasOthers && of.groups.length === 1 ? [OTHER_METERS] : []),
    {
      id: 'events',
      header: 'Events',
      width: 5.2,
      cell: (row) => (
        <Link to="/customers/$entity/events" params={{ entity: of.entity }} search={eventsSearch(of, row)}>
          Events
          <span className="unseen">
            {' '}
            of {row.names.map((name, at) => nameIn(of.groups[at] ?? '', name)).join(', ')}
          </span>
        </Link>
      ),
    },
  ];
}

/** The thinking is output too. */
function outputOf({ quantities }: Pick<GroupRow, 'quantities'>): number {
  return (quantities['output'] ?? 0) + (quantities['reasoning'] ?? 0);
}

const TOKENS = count('tokens', 'Tokens', ({ tokens }) => tokens);

const OTHER_METERS: Column<GroupRow> = {
  id: 'others',
  header: 'Other meters',
  width: 8.5,
  cell: ({ quantities }) => othersText(othersOf(quantities)),
};

/** Beside two names there is no room for a column of the other meters. */
const TOKENS_AND_OTHERS: Column<GroupRow> = {
  ...TOKENS,
  header: 'Tokens, others',
  cell: ({ tokens, quantities }) => {
    const others = othersText(othersOf(quantities));
    return (
      <>
        <Count of={tokens} />
        {others !== '' && <div className="quiet">{others}</div>}
      </>
    );
  },
};

function nameColumn(of: Explored, field: string, at: number): Column<GroupRow> {
  return {
    id: field,
    header: fieldLabel(field),
    width: of.groups.length === 1 ? 14 : field === 'model' ? 10.5 : 7.5,
    cell: ({ names }) => {
      const name = names[at] ?? null;
      if (name === null) return <span className="quiet">(none)</span>;
      const narrow = () =>
        of.change({ filters: writeFilters(withFilter(of.filters, { field, value: name })) });
      return (
        <button type="button" className="link" onClick={narrow} title={`Show only ${nameIn(field, name)}`}>
          {nameIn(field, name)}
        </button>
      );
    },
    sortBy: ({ names }) => names[at] ?? null,
    csv: ({ names }) => names[at] ?? null,
  };
}

function count(
  id: string,
  header: string,
  value: (row: GroupRow) => number | null,
  width = 6.6,
): Column<GroupRow> {
  return {
    id,
    header,
    isNumber: true,
    width,
    cell: (row) => <Count of={value(row)} />,
    sortBy: value,
    csv: value,
  };
}

/** In files alone: a column for each meter that some group has beside the usual ones. */
function meterColumns(rows: readonly GroupRow[]): Column<GroupRow>[] {
  const used = new Set(rows.flatMap(({ quantities }) => Object.keys(othersOf(quantities))));
  return Object.keys(METERS)
    .filter((meter) => used.has(meter))
    .map((meter) => ({
      id: meter,
      header: meter,
      cell: () => null,
      csv: ({ quantities }) => quantities[meter] ?? 0,
    }));
}
