/** Every price in force: of the list, and those that were agreed with a customer. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { CustomerLink } from '../../parts/links.js';
import { groupDigits, picosOf } from '../../parts/money.js';
import { allOf } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { dayOf, nowSeconds } from '../../parts/times.js';
import { PricesTabs } from './prices-tabs.js';
import { Publish } from './publish.js';
import { Rerate } from './rerate.js';
import { pricesRoute } from './route.js';
import { labelOf, termsOf, USUAL_FIELDS } from './terms.js';

type Price = Schemas['Price'];
const ALL = '';

/** Whole, so that a search looks through all of it. */
function pricesInForce() {
  const init = { params: { query: { at: nowSeconds() } } };
  return {
    queryKey: ['/v1/admin/prices', 'in force'] as const,
    queryFn: () => allOf('/v1/admin/prices', init),
  };
}

export function Prices() {
  const search = pricesRoute.useSearch();
  const navigate = pricesRoute.useNavigate();
  const change = useCallback(
    (changes: Partial<typeof search>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const setSearch = useCallback((typed: string) => change({ search: typed || undefined }), [change]);
  const found = useQuery(pricesInForce());
  const shown = useMemo(() => filtered(found.data ?? [], search), [found.data, search]);
  const sources = [...new Set((found.data ?? []).map(({ source }) => source))].sort();
  return (
    <>
      <PageHead
        title="Prices"
        lead="In force now, in US dollars. Tokens and characters are priced by the million, all else by one."
      >
        <Publish label="Publish a price…" className="primary" />
        <Rerate />
        <CsvButton fileName="prices.csv" columns={CSV_COLUMNS} load={() => shown} />
      </PageHead>
      <PricesTabs />
      <div className="row filters">
        <SearchBox label="Search models" value={search.search ?? ''} onChange={setSearch} />
        <SelectBox
          label="Whose"
          value={search.whose ?? ALL}
          options={[
            { value: ALL, label: 'All prices' },
            { value: 'list', label: 'List prices' },
            { value: 'own', label: 'Agreed with a customer' },
          ]}
          onChange={(whose) => change({ whose: whose === 'list' || whose === 'own' ? whose : undefined })}
        />
        <SelectBox
          label="Source"
          value={search.source ?? ALL}
          options={[
            { value: ALL, label: 'All sources' },
            ...sources.map((value) => ({ value, label: value })),
          ]}
          onChange={(source) => change({ source: source || undefined })}
        />
      </div>
      <Awaited of={found} lines={12}>
        {(all) => (
          <div className="card">
            <p className="quiet" role="status">
              {groupDigits(shown.length)} of {groupDigits(all.length)} prices
            </p>
            <DataTable
              label="Prices in force"
              columns={COLUMNS}
              rows={shown}
              keyOf={({ id }) => id}
              sort={search.sort ?? 'model'}
              onSort={(sort) => change({ sort: sort as NonNullable<typeof search.sort> })}
              empty={
                <Empty title="No price matches">Change the search, or publish a price for the model.</Empty>
              }
            />
          </div>
        )}
      </Awaited>
    </>
  );
}

function filtered(
  prices: readonly Price[],
  { search = '', whose, source }: { search?: string; whose?: string; source?: string },
): Price[] {
  const wanted = search.toLowerCase();
  return prices.filter(
    (price) =>
      (price.model.toLowerCase().includes(wanted) || (price.entity ?? '').toLowerCase().includes(wanted)) &&
      (whose === undefined || (price.entity === null) === (whose === 'list')) &&
      (source === undefined || price.source === source),
  );
}

const COLUMNS: readonly Column<Price>[] = [
  {
    id: 'model',
    header: 'Model',
    width: 14,
    cell: ({ model }) => (
      <Link to="/prices/model" search={{ model }}>
        {model}
      </Link>
    ),
    sortBy: ({ model }) => model,
  },
  {
    id: 'entity',
    header: 'For',
    width: 6.5,
    cell: ({ entity }) =>
      entity === null ? <span className="quiet">everybody</span> : <CustomerLink entity={entity} />,
  },
  {
    id: 'input',
    header: 'Input',
    width: 5.5,
    isNumber: true,
    cell: (price) => usdOf(price.input_usd_per_million),
    sortBy: (price) => picosOrNothing(price.input_usd_per_million),
  },
  {
    id: 'cached',
    header: 'Cached input',
    width: 5.5,
    isNumber: true,
    cell: (price) => usdOf(price.cached_input_usd_per_million),
  },
  {
    id: 'output',
    header: 'Output',
    width: 5.5,
    isNumber: true,
    cell: (price) => usdOf(price.output_usd_per_million),
    sortBy: (price) => picosOrNothing(price.output_usd_per_million),
  },
  { id: 'others', header: 'Also', width: 7, cell: (price) => <Others price={price} /> },
  {
    id: 'since',
    header: 'Since',
    width: 7,
    cell: ({ effective_from: from }) => <Since from={from} />,
    sortBy: ({ effective_from: from }) => from,
  },
  { id: 'source', header: 'Source', width: 8, cell: ({ source }) => source },
];

const CSV_COLUMNS: readonly Column<Price>[] = (
  [
    'id',
    'model',
    'entity',
    'effective_from',
    'input_usd_per_million',
    'cached_input_usd_per_million',
    'output_usd_per_million',
    'source',
  ] as const
).map((id) => ({ id, header: id, cell: () => null, csv: (price) => price[id] }));

export function usdOf(usd: string | null | undefined) {
  return usd == null ? <span className="quiet">–</span> : <span className="amount">${usd}</span>;
}

function picosOrNothing(usd: string | null | undefined): bigint | null {
  return usd == null ? null : picosOf(usd);
}

function Others({ price }: { price: Price }) {
  const others = termsOf(price).filter(([field]) => !USUAL_FIELDS.includes(field));
  const variants = price.variants?.length ?? 0;
  if (others.length === 0 && variants === 0) return <span className="quiet">–</span>;
  return (
    <>
      {others.map(([field]) => labelOf(field).toLowerCase()).join(', ')}
      {others.length > 0 && variants > 0 && ' '}
      {variants > 0 && <Badge tone="plain">{variants === 1 ? '1 variant' : `${variants} variants`}</Badge>}
    </>
  );
}

export function Since({ from }: { from: string }) {
  const seconds = Date.parse(from) / 1_000;
  return seconds < 86_400 ? (
    <span className="quiet">the beginning</span>
  ) : (
    <time dateTime={from} title={from}>
      {dayOf(seconds)}
    </time>
  );
}
