/** The audit log: who changed what, when, and what it was before and after. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Differences } from '../../parts/difference.js';
import { pairsOf } from '../../parts/pairs.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { DayRange, secondsOfDays } from '../../parts/filters.js';
import { EntityLink } from '../../parts/links.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { allOf, paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { isoOf, timeOf } from '../../parts/times.js';
import { ACTIONS, actionWords } from './actions.js';
import { By } from './by.js';
import { ChangeLines, Headline } from './change-lines.js';
import { changesText, fieldWords, headlineOf, valueWords } from './entry-words.js';
import { auditRoute } from './route.js';

type Entry = Schemas['AuditEntry'];
const ALL = '';

export function Audit() {
  const { id, from, to, ...texts } = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  const change = useCallback(
    (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const setEntity = useCallback((typed: string) => change({ entity: typed || undefined }), [change]);
  const setActor = useCallback((typed: string) => change({ actor: typed || undefined }), [change]);
  const init = { params: { query: { ...texts, ...secondsOfDays({ from, to }) } } };
  const found = useInfiniteQuery(paging('/v1/admin/audit_log', init));
  const { rows, onEnd } = useRows(found);
  const open = rows.find((row) => row.id === id);
  return (
    <>
      <PageHead title="Audit log" lead="Who changed what, newest first. Times in UTC.">
        <CsvButton
          fileName="audit-log.csv"
          columns={FILE_COLUMNS}
          load={() => allOf('/v1/admin/audit_log', init)}
        />
      </PageHead>
      <div className="row filters">
        <SelectBox
          label="Action"
          value={texts.action ?? ALL}
          options={[
            { value: ALL, label: 'All actions' },
            ...ACTIONS.map((value) => ({ value, label: actionWords(value) })),
          ]}
          onChange={(chosen) => change({ action: chosen || undefined })}
        />
        <SearchBox label="Customer, whole name" value={texts.entity ?? ''} onChange={setEntity} />
        <SearchBox label="Key’s id" value={texts.actor ?? ''} onChange={setActor} />
        <DayRange from={from} to={to} onChange={change} />
      </div>
      <div className={open === undefined ? undefined : 'split'}>
        <div className="card">
          <Awaited of={found} lines={10}>
            {() => (
              <DataTable
                label="Audit log"
                columns={open === undefined ? COLUMNS : COLUMNS_BESIDE}
                rows={rows}
                keyOf={(row) => row.id}
                onEnd={onEnd}
                empty={
                  <Empty title="No entry matches">
                    The log has no entry for this action, customer, key and time.
                  </Empty>
                }
              />
            )}
          </Awaited>
        </div>
        {open !== undefined && <One entry={open} onClose={() => change({ id: undefined })} />}
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Entry>[] = [
  {
    id: 'at',
    header: 'When',
    width: 9,
    cell: (row) => (
      <Link from="/audit" to="." search={(before) => ({ ...before, id: row.id })} replace>
        <Moment at={row.at} />
      </Link>
    ),
  },
  {
    id: 'action',
    header: 'What was done',
    width: 15.5,
    cell: (entry) => <Headline entry={entry} />,
  },
  {
    id: 'entity',
    header: 'Customer',
    width: 7.5,
    cell: ({ entity }) => <EntityLink entity={entity} />,
  },
  {
    id: 'change',
    header: 'What changed',
    width: 17,
    cell: (entry) => <ChangeLines entry={entry} />,
  },
  {
    id: 'actor',
    header: 'By',
    width: 9,
    cell: (entry) => <By entry={entry} />,
  },
];

/** Beside an entry, which says who made it. */
const COLUMNS_BESIDE = COLUMNS.filter(({ id }) => id !== 'actor');

/** What the page shows, and the names and ids that lead from a file to the log again. */
const FILE_COLUMNS: readonly Column<Entry>[] = [
  fileColumn('When (UTC)', ({ at }) => isoOf(at)),
  fileColumn('What was done', headlineOf),
  fileColumn('Customer', ({ entity }) => entity),
  fileColumn('What changed', changesText),
  fileColumn('Of', ({ target }) => target),
  fileColumn('By', ({ actor, actor_name: name }) => name ?? actor),
  fileColumn('Role', ({ role }) => role),
  fileColumn('Action', ({ action }) => action),
  fileColumn('Key id', ({ actor }) => actor),
  fileColumn('Address', ({ address }) => address),
  fileColumn('Request', ({ request_id: request }) => request),
  fileColumn('Entry', ({ id }) => id),
];

function fileColumn(header: string, csv: (entry: Entry) => string | null): Column<Entry> {
  return { id: header, header, cell: () => null, csv };
}

function One({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const pairs = pairsOf(entry.before, entry.after);
  return (
    <section className="card stack" aria-label="Audit entry">
      <div className="card-head">
        <h2>{headlineOf(entry)}</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <dl className="facts">
        <dt>When</dt>
        <dd>{timeOf(isoOf(entry.at))} UTC</dd>
        <dt>By</dt>
        <dd>
          {entry.actor_name} <Copyable text={entry.actor} what="key’s id" /> {entry.role}
        </dd>
        <dt>Customer</dt>
        <dd>
          <EntityLink entity={entry.entity} />
        </dd>
        <dt>Of</dt>
        <dd>{entry.target ?? '–'}</dd>
        <dt>From</dt>
        <dd>{entry.address ?? '–'}</dd>
        <dt>Request</dt>
        <dd>{entry.request_id === null ? '–' : <Copyable text={entry.request_id} what="request id" />}</dd>
      </dl>
      {pairs.length === 0 ? (
        <p className="quiet">The entry holds no values.</p>
      ) : (
        <Differences
          label="Before and after"
          pairs={pairs}
          nameOf={fieldWords}
          textOf={valueWords}
          marks={entry.before !== null && entry.after !== null}
        />
      )}
    </section>
  );
}
