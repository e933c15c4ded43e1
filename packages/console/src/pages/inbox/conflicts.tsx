/** Events that came again with other content: both contents side by side, to count the other one or to close with a note. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Differences } from '../../parts/difference.js';
import { differs, pairsOf } from '../../parts/pairs.js';
import { Empty } from '../../parts/empty.js';
import { Tick } from '../../parts/fields.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { DayRange, secondsOfDays } from '../../parts/filters.js';
import { CustomerLink } from '../../parts/links.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { Count, CountAll, Review, ReviewAll } from './conflict-acts.js';
import { CONFLICT_STATES, conflictsRoute } from './route.js';

type Conflict = Schemas['UsageConflict'];

export function Conflicts() {
  const search = conflictsRoute.useSearch();
  const navigate = conflictsRoute.useNavigate();
  const change = useCallback(
    (changes: Partial<typeof search>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const { status = 'open', entity, from, to, id } = search;
  const filter = { ...(entity !== undefined && { entity }), ...secondsOfDays({ from, to }) };
  const query = { status, ...filter };
  const found = useInfiniteQuery(paging('/v1/admin/usage_conflicts', { params: { query } }));
  const { rows, onEnd } = useRows(found);
  const setEntity = useCallback((typed: string) => change({ entity: typed || undefined }), [change]);
  return (
    <>
      <PageHead
        title="Conflicts"
        lead={
          <>
            <Link to="/inbox">Inbox</Link> · The same event came again with other content. The first was
            counted; the second waits here. Times in UTC.
          </>
        }
      >
        {rows.length > 0 && status === 'open' && <ReviewAll filter={filter} />}
        {rows.length > 0 && status !== 'counted' && <CountAll filter={filter} status={status} />}
      </PageHead>
      <div className="row filters">
        <SelectBox
          label="State"
          value={status}
          options={CONFLICT_STATES.map((state) => ({ value: state, label: state }))}
          onChange={(chosen) =>
            change({ status: CONFLICT_STATES.find((state) => state === chosen), id: undefined })
          }
        />
        <SearchBox label="Customer, whole name" value={entity ?? ''} onChange={setEntity} />
        <DayRange from={from} to={to} onChange={change} />
      </div>
      <div className={id === undefined ? undefined : 'split'}>
        <div className="card">
          <Awaited of={found} lines={8}>
            {() => (
              <DataTable
                label="Conflicts"
                columns={COLUMNS}
                rows={rows}
                keyOf={(row) => row.id}
                onEnd={onEnd}
                empty={<Empty title="No conflict matches">No conflict has this state and filter.</Empty>}
              />
            )}
          </Awaited>
        </div>
        {id !== undefined && <One id={id} onClose={() => change({ id: undefined })} />}
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Conflict>[] = [
  {
    id: 'event_id',
    header: 'Event',
    width: 13,
    cell: (row) => (
      <Link from="/inbox/conflicts" to="." search={(before) => ({ ...before, id: row.id })} replace>
        {row.event_id}
      </Link>
    ),
  },
  { id: 'entity', header: 'Customer', width: 9, cell: ({ entity }) => <CustomerLink entity={entity} /> },
  {
    id: 'differs',
    header: 'Differs in',
    width: 13,
    cell: (row) =>
      differing(row)
        .map(({ field }) => field)
        .join(', '),
  },
  {
    id: 'last_seen_at',
    header: 'Last seen',
    width: 11,
    cell: ({ last_seen_at: at }) => <Moment at={at} />,
  },
];

function differing({ counted, other }: Conflict) {
  return pairsOf(counted, other).filter(differs);
}

function One({ id, onClose }: { id: string; onClose: () => void }) {
  const conflict = useQuery(reading('/v1/admin/usage_conflicts/{id}', { params: { path: { id } } }));
  return (
    <section className="card stack" aria-label="Conflict">
      <div className="card-head">
        <h2>Side by side</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <Awaited of={conflict} lines={8}>
        {(answer) => <SideBySide conflict={answer} />}
      </Awaited>
    </section>
  );
}

function SideBySide({ conflict }: { conflict: Conflict }) {
  const [isWhole, setWhole] = useState(false);
  const pairs = pairsOf(conflict.counted, conflict.other);
  return (
    <>
      <p>
        {conflict.entity}, <code>{conflict.event_id}</code> from {conflict.source}{' '}
        <Badge tone={conflict.status === 'open' ? 'warn' : 'plain'}>{conflict.status}</Badge>
      </p>
      {conflict.counted === null && <p className="quiet">The event that was counted is gone.</p>}
      <Differences
        label="What was counted, and what came"
        heads={['Counted', 'Came again']}
        pairs={isWhole ? pairs : pairs.filter(differs)}
        marks={isWhole}
      />
      <Tick label="Show equal fields too" isSelected={isWhole} onChange={setWhole} />
      {conflict.review_note !== null && <p>Note: {conflict.review_note}</p>}
      {conflict.reviewed_at !== null && (
        <p className="quiet">
          Reviewed <Moment at={conflict.reviewed_at} /> by {conflict.reviewed_by}
          {conflict.counted_as !== null && (
            <>
              , counted as <code>{conflict.counted_as}</code>
            </>
          )}
          .
        </p>
      )}
      {conflict.status !== 'counted' && (
        <div className="row">
          {conflict.status === 'open' && <Review conflict={conflict} />}
          <Count conflict={conflict} />
        </div>
      )}
    </>
  );
}
