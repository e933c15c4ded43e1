/** Events that could not be counted: by reason, one by one with what was sent, to mend and replay or to discard. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { DayRange, secondsOfDays } from '../../parts/filters.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { allOf, paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { isoOf, plural } from '../../parts/times.js';
import { DiscardAll, DiscardOne, ReplayAll, ReplayOne } from './letter-acts.js';
import { deadLettersRoute, LETTER_STATES } from './route.js';
import { CODES, codeWords } from './words.js';

type Letter = Schemas['DeadLetter'];
const ALL = '';

export function DeadLetters() {
  const search = deadLettersRoute.useSearch();
  const navigate = deadLettersRoute.useNavigate();
  const change = useCallback(
    (changes: Partial<typeof search>) =>
      void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const { status = 'open', id, code, entity, reason, from, to } = search;
  const filter = {
    ...(code !== undefined && { code }),
    ...(entity !== undefined && { entity }),
    ...(reason !== undefined && { reason }),
    ...secondsOfDays({ from, to }),
  };
  const init = { params: { query: { status, ...filter } } };
  const found = useInfiniteQuery(paging('/v1/admin/dead_letters', init));
  const { rows, onEnd } = useRows(found);
  const columns = useMemo(() => columnsWith(id), [id]);
  return (
    <>
      <PageHead
        title="Dead letters"
        lead={
          <>
            <Link to="/inbox">Inbox</Link> · Events that could not be counted, so they are charged to nobody.
            Times in UTC.
          </>
        }
      >
        {rows.length > 0 && status !== 'replayed' && <ReplayAll filter={filter} status={status} />}
        {rows.length > 0 && status !== 'discarded' && <DiscardAll filter={filter} status={status} />}
        <CsvButton
          fileName="dead-letters.csv"
          columns={COLUMNS}
          load={() => allOf('/v1/admin/dead_letters', init)}
        />
      </PageHead>
      <Filters search={search} status={status} onChange={change} />
      <div className={id === undefined ? undefined : 'split'}>
        <div className="card">
          <Awaited of={found} lines={10}>
            {() => (
              <DataTable
                label="Dead letters"
                columns={columns}
                rows={rows}
                keyOf={(row) => row.id}
                onEnd={onEnd}
                empty={
                  <Empty title="No dead letter matches">No dead letter has this state and filter.</Empty>
                }
              />
            )}
          </Awaited>
        </div>
        {id !== undefined && <One id={id} onClose={() => change({ id: undefined })} />}
      </div>
    </>
  );
}

type Search = ReturnType<typeof deadLettersRoute.useSearch>;

function Filters({
  search: { code, entity, reason, from, to },
  status,
  onChange: change,
}: {
  search: Search;
  status: Letter['status'];
  onChange: (changes: Partial<Search>) => void;
}) {
  const setEntity = useCallback((typed: string) => change({ entity: typed || undefined }), [change]);
  const setReason = useCallback((typed: string) => change({ reason: typed || undefined }), [change]);
  return (
    <div className="row filters">
      <SelectBox
        label="State"
        value={status}
        options={LETTER_STATES.map((state) => ({ value: state, label: state }))}
        onChange={(chosen) =>
          change({ status: LETTER_STATES.find((state) => state === chosen), id: undefined })
        }
      />
      <SelectBox
        label="Reason"
        value={code ?? ALL}
        options={[
          { value: ALL, label: 'All reasons' },
          ...CODES.map((each) => ({ value: each, label: codeWords(each) })),
        ]}
        onChange={(chosen) => change({ code: chosen || undefined })}
      />
      <SearchBox label="Customer, whole name" value={entity ?? ''} onChange={setEntity} />
      <SearchBox label="Part of the message" value={reason ?? ''} onChange={setReason} />
      <DayRange from={from} to={to} onChange={change} />
    </div>
  );
}

const COLUMNS: readonly Column<Letter>[] = [
  {
    id: 'last_seen_at',
    header: 'Last seen',
    width: 11,
    cell: ({ last_seen_at: at }) => <Moment at={at} />,
    csv: (row) => isoOf(row.last_seen_at),
  },
  { id: 'id', header: 'Id', cell: () => null, csv: (row) => row.id },
  {
    id: 'entity',
    header: 'Customer',
    width: 9.5,
    cell: ({ entity, project }) => <Payer entity={entity} project={project} />,
    csv: (row) => row.entity,
  },
  { id: 'code', header: 'Reason', width: 10, cell: ({ code }) => codeWords(code), csv: (row) => row.code },
  {
    id: 'message',
    header: 'What was wrong',
    width: 16,
    cell: ({ message }) => message,
    csv: (row) => row.message,
  },
  {
    id: 'seen_count',
    header: 'Seen',
    width: 4.5,
    isNumber: true,
    cell: (row) => row.seen_count,
    csv: (row) => row.seen_count,
  },
];

function columnsWith(open: string | undefined): readonly Column<Letter>[] {
  const [seen, , ...others] = COLUMNS as [Column<Letter>, Column<Letter>, ...Column<Letter>[]];
  const opening: Column<Letter> = {
    ...seen,
    cell: (row) => (
      <Link
        from="/inbox/dead-letters"
        to="."
        search={(before) => ({ ...before, id: row.id })}
        replace
        aria-current={row.id === open ? 'true' : undefined}
      >
        <Moment at={row.last_seen_at} />
      </Link>
    ),
  };
  return open === undefined
    ? [opening, ...others]
    : [opening, ...others.filter(({ id }) => id !== 'seen_count')];
}

function Payer({ entity, project }: Pick<Letter, 'entity' | 'project'>) {
  if (entity === null) return <span className="quiet">cannot be told</span>;
  return (
    <>
      <Link to="/customers/$entity" params={{ entity }}>
        {entity}
      </Link>
      {project !== null && <span className="quiet"> / {project}</span>}
    </>
  );
}

function One({ id, onClose }: { id: string; onClose: () => void }) {
  const letter = useQuery(reading('/v1/admin/dead_letters/{id}', { params: { path: { id } } }));
  return (
    <section className="card stack" aria-label="Dead letter">
      <div className="card-head">
        <h2>Dead letter</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <Awaited of={letter} lines={8}>
        {(answer) => <Letter letter={answer} />}
      </Awaited>
    </section>
  );
}

function Letter({ letter }: { letter: Letter }) {
  return (
    <>
      <p className="strong">{letter.message}</p>
      <dl className="facts">
        <dt>State</dt>
        <dd>
          <Badge tone={letter.status === 'open' ? 'warn' : 'plain'}>{letter.status}</Badge>
        </dd>
        <dt>Customer</dt>
        <dd>
          <Payer entity={letter.entity} project={letter.project} />
        </dd>
        <dt>Source and event</dt>
        <dd>
          {letter.source ?? '–'}{' '}
          {letter.event_id !== null && <Copyable text={letter.event_id} what="event id" />}
        </dd>
        <dt>Seen</dt>
        <dd>
          {plural(letter.seen_count, 'time')}, first <Moment at={letter.first_seen_at} />
        </dd>
        <dt>Id</dt>
        <dd>
          <Copyable text={letter.id} what="dead letter’s id" />
        </dd>
      </dl>
      <div className="row">
        <ReplayOne letter={letter} />
        {letter.status === 'open' && <DiscardOne letter={letter} />}
      </div>
      <h3>As it arrived</h3>
      <pre className="payload" tabIndex={0} aria-label="The event as it arrived">
        {JSON.stringify(letter.payload, null, 2)}
      </pre>
    </>
  );
}
