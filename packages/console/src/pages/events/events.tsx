/** Counted events, newest first: those of a group, a day or a statement's line, or one that is searched by its id. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { isoDayOf, rangeName } from '../../parts/calendar.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { DayRange } from '../../parts/filters.js';
import { SelectBox } from '../../parts/select-box.js';
import { groupDigits } from '../../parts/money.js';
import { PageHead } from '../../parts/page-head.js';
import { allOf, paging, rowsOf } from '../../parts/paged.js';
import { monthName, nowSeconds, periodAt, timeOf } from '../../parts/times.js';
import { fieldLabel, readFilters, writeFilters } from '../usage/filters.js';
import { nameIn } from '../usage/groups.js';
import { figureColumns, totalsOf } from './figures.js';
import { Marks, marksOf, paidBy, type CountedEvent } from './marks.js';
import { eventsQuery } from './query.js';
import { eventsRoute, ID_KINDS } from './route.js';

export function Events() {
  const { entity } = eventsRoute.useParams();
  const search = eventsRoute.useSearch();
  const init = { params: { path: { entity }, query: eventsQuery(search) as never } };
  const found = useInfiniteQuery(paging('/v1/entities/{entity}/events', init));
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  const meter = meterOf(search.filters);
  const columns = useMemo(
    () => columnsOf(entity, rows, meter).filter(({ id }) => id !== 'project'),
    [entity, rows, meter],
  );
  return (
    <>
      <PageHead title={entity} lead={<Lead />}>
        <CsvButton
          fileName={`tally-${entity}-events.csv`}
          columns={[...columnsOf(entity, [], null), ...FILE_COLUMNS]}
          load={() => allOf('/v1/entities/{entity}/events', init)}
        />
      </PageHead>
      <CustomerTabs entity={entity} />
      <Finding />
      <Chips />
      <Awaited of={found} lines={12}>
        {() => (
          <div className="card stack">
            <p className="quiet" role="status">
              {groupDigits(rows.length)} {rows.length === 1 ? 'event' : 'events'}
              {hasNextPage ? ' so far; more come as you scroll' : ''}, newest first
            </p>
            <DataTable
              label="Events"
              columns={columns}
              rows={rows}
              keyOf={({ id }) => id}
              onEnd={hasNextPage && !isFetchingNextPage ? more : undefined}
              totals={hasNextPage ? undefined : totalsOf(rows, meter)}
              empty={<NoEvents isById={search.id !== undefined} />}
            />
          </div>
        )}
      </Awaited>
    </>
  );
}

/** The only meter that the list is filtered by. */
function meterOf(filters: string | undefined): string | null {
  const meters = readFilters(filters).filter(({ field }) => field === 'meter');
  return meters.length === 1 ? (meters[0]?.value ?? null) : null;
}

function Lead() {
  const { from, to, period, id } = eventsRoute.useSearch();
  if (period !== undefined) return <>Events charged to {monthName(period)}</>;
  if (from !== undefined && to !== undefined)
    return <>Events of {from === to ? from : rangeName(from, to)}, UTC</>;
  if (id !== undefined) return <>Events of the last 62 days</>;
  return <>Events of {monthName(periodAt(nowSeconds()))}, UTC</>;
}

function NoEvents({ isById }: { isById: boolean }) {
  if (isById)
    return (
      <Empty title="No event has this id">
        Ids are looked for in the last 62 days; choose days to look further back. Usage that could not be
        counted is among the dead letters.
      </Empty>
    );
  return <Empty title="No event matches">Change the days or the filters.</Empty>;
}

const KIND_LABELS = {
  event_id: 'Event id',
  request_id: 'Request id',
  reservation_id: 'Reservation',
} as const;

function Finding() {
  const search = eventsRoute.useSearch();
  const navigate = eventsRoute.useNavigate();
  const [id, setId] = useState(search.id ?? '');
  const [kind, setKind] = useState<(typeof ID_KINDS)[number]>(search.kind ?? 'event_id');
  const [from, to] = [search.from ?? '', search.to ?? ''];
  const days = (changes: { from?: string; to?: string }) => {
    const next = { from, to, ...changes };
    const today = isoDayOf(nowSeconds());
    const [first, last] = [next.from || next.to, next.to || (next.from > today ? next.from : today)];
    void navigate({
      search: (before) => ({ ...before, from: first < last ? first : last, to: last, period: undefined }),
    });
  };
  return (
    <div className="toolbar">
      <form
        className="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          // A search by id drops every other filter.
          const wanted = id.trim() || undefined;
          void navigate({ search: wanted === undefined ? {} : { id: wanted, kind } });
        }}
      >
        <SelectBox
          label="Find by"
          isLabelHidden
          value={kind}
          options={ID_KINDS.map((value) => ({ value, label: KIND_LABELS[value] }))}
          onChange={(next) => setKind(ID_KINDS.find((each) => each === next) ?? 'event_id')}
        />
        <label className="search">
          <span className="unseen">{KIND_LABELS[kind]}</span>
          <input
            type="search"
            value={id}
            placeholder={KIND_LABELS[kind]}
            spellCheck={false}
            onChange={({ target }) => setId(target.value)}
          />
        </label>
        <button type="submit">Find</button>
      </form>
      <DayRange
        from={from}
        to={to}
        onChange={(range) => days({ from: range.from ?? '', to: range.to ?? '' })}
      />
    </div>
  );
}

/** The filters of the list, each with a button that removes it. */
function Chips() {
  const search = eventsRoute.useSearch();
  const navigate = eventsRoute.useNavigate();
  const filters = readFilters(search.filters);
  const without = search.without?.split(',') ?? [];
  const set = (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }) });
  const chips = [
    ...filters.map((filter) => ({
      label: `${fieldLabel(filter.field)}: ${nameIn(filter.field, filter.value)}`,
      remove: () => set({ filters: writeFilters(filters.filter((each) => each !== filter)) }),
    })),
    ...without.map((field) => ({
      label: `No ${fieldLabel(field).toLowerCase()}`,
      remove: () => set({ without: without.filter((each) => each !== field).join(',') || undefined }),
    })),
    ...(search.period === undefined
      ? []
      : [{ label: `Charged to ${monthName(search.period)}`, remove: () => set({ period: undefined }) }]),
    ...(search.rate === undefined
      ? []
      : [{ label: `Rate ${search.rate}`, remove: () => set({ rate: undefined }) }]),
    ...(search.price === undefined
      ? []
      : [{ label: `Price version ${search.price}`, remove: () => set({ price: undefined }) }]),
  ];
  if (chips.length === 0) return null;
  return (
    <ul className="chips" aria-label="Filters">
      {chips.map(({ label, remove }) => (
        <li key={label} className="chip">
          {label}
          <button type="button" aria-label={`Remove the filter ${label}`} onClick={remove}>
            ✕
          </button>
        </li>
      ))}
    </ul>
  );
}

function ModelAndProject({ event: { model, project } }: { event: CountedEvent }) {
  return (
    <>
      {model}
      <div className="quiet">{project}</div>
    </>
  );
}

function columnsOf(
  entity: string,
  rows: readonly CountedEvent[],
  meter: string | null,
): Column<CountedEvent>[] {
  return [
    {
      id: 'occurred_at',
      header: 'Time (UTC)',
      width: 8,
      cell: (event) => (
        <Link to="/customers/$entity/events/$event" params={{ entity, event: event.id }}>
          {timeOf(event.occurred_at)}
        </Link>
      ),
      csv: (event) => event.occurred_at,
    },
    {
      id: 'project',
      header: 'Project',
      cell: ({ project }) => project,
      csv: ({ project }) => project,
    },
    {
      id: 'model',
      header: 'Model, project',
      width: 10.5,
      cell: (event) => <ModelAndProject event={event} />,
      csv: ({ model }) => model,
    },
    {
      id: 'cost_usd',
      header: 'Cost',
      isNumber: true,
      width: 6,
      cell: ({ cost_usd: usd }) => <Amount usd={usd} />,
      csv: ({ cost_usd: usd }) => usd,
    },
    ...figureColumns(rows, meter),
    { id: 'paid_by', header: 'Paid by', width: 5.3, cell: paidBy, csv: paidBy },
    {
      id: 'marks',
      header: 'Marks',
      width: 5.9,
      cell: (event) => <Marks event={event} />,
      csv: (event) =>
        marksOf(event)
          .map(({ text }) => text)
          .join('; '),
    },
    {
      id: 'event_id',
      header: 'Event',
      width: 8.2,
      cell: ({ event_id: id, source }) => <code title={source}>{id}</code>,
      csv: ({ event_id: id }) => id,
    },
  ];
}

const inFile = (id: keyof CountedEvent): Column<CountedEvent> => ({
  id,
  header: id,
  cell: () => null,
  csv: (event) => event[id] as string | null,
});
const FILE_COLUMNS = (
  ['source', 'operation', 'service_tier', 'user_id', 'api_key_id', 'request_id', 'reservation_id', 'period', 'price_id', 'rate_id', 'overage_usd'] as const
).map(inFile); // prettier-ignore
