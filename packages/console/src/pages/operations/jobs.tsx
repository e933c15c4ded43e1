/** Long work: what runs and its progress, what failed and why, and results. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge, type Tone } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { SelectBox } from '../../parts/select-box.js';
import { hasEnded, Progress } from '../../parts/job.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { duration } from '../../parts/times.js';
import { OperationsTabs } from './operations-tabs.js';
import { JOB_KINDS, JOB_STATES, jobsRoute } from './route.js';

type Summary = Schemas['JobList']['data'][number];
const ALL = '';
const LOOK_AGAIN_MS = 2_000;
const TONES: Readonly<Record<Schemas['JobStatus'], Tone>> = {
  queued: 'plain',
  running: 'warn',
  done: 'good',
  failed: 'bad',
};

export function JobsPage() {
  const { status, kind, id } = jobsRoute.useSearch();
  const navigate = jobsRoute.useNavigate();
  const change = useCallback(
    (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const query = { ...(status !== undefined && { status }), ...(kind !== undefined && { kind }) };
  const found = useInfiniteQuery({
    ...paging('/v1/admin/jobs', { params: { query } }),
    refetchInterval: ({ state }) =>
      state.data?.pages[0]?.data.some((job) => !hasEnded(job.status)) ? LOOK_AGAIN_MS : false,
  });
  const { rows, onEnd } = useRows(found);
  return (
    <>
      <PageHead
        title="Jobs"
        lead="Imports, re-ratings, reconciliations and other long work, newest first. Times in UTC."
      />
      <OperationsTabs />
      <div className="row filters">
        <SelectBox
          label="State"
          value={status ?? ALL}
          options={[
            { value: ALL, label: 'All states' },
            ...JOB_STATES.map((value) => ({ value, label: value })),
          ]}
          onChange={(chosen) => change({ status: chosen || undefined })}
        />
        <SelectBox
          label="Kind"
          value={kind ?? ALL}
          options={[
            { value: ALL, label: 'All kinds' },
            ...JOB_KINDS.map((value) => ({ value, label: value.replaceAll('_', ' ') })),
          ]}
          onChange={(chosen) => change({ kind: chosen || undefined })}
        />
      </div>
      <div className={id === undefined ? undefined : 'split'}>
        <div className="card">
          <Awaited of={found} lines={8}>
            {() => (
              <DataTable
                label="Jobs"
                columns={id === undefined ? COLUMNS : COLUMNS_BESIDE}
                rows={rows}
                keyOf={(row) => row.id}
                onEnd={onEnd}
                toneOf={(row) => (row.status === 'failed' ? 'bad' : undefined)}
                empty={<Empty title="No job matches">Long work appears here once it is started.</Empty>}
              />
            )}
          </Awaited>
        </div>
        {id !== undefined && <One id={id} onClose={() => change({ id: undefined })} />}
      </div>
    </>
  );
}

const COLUMNS: readonly Column<Summary>[] = [
  {
    id: 'kind',
    header: 'Job',
    width: 9,
    cell: ({ kind, id }) => (
      <Link from="/operations/jobs" to="." search={(before) => ({ ...before, id })} replace>
        {kind.replaceAll('_', ' ')}
      </Link>
    ),
  },
  { id: 'status', header: 'State', width: 12.8, cell: (job) => <State job={job} /> },
  { id: 'created_at', header: 'Asked for', width: 9, cell: ({ created_at: at }) => <Moment at={at} /> },
  { id: 'took', header: 'Took', width: 7.2, isNumber: true, cell: tookOf },
  {
    id: 'entity',
    header: 'For',
    width: 7,
    cell: ({ entity }) => entity ?? <span className="quiet">everybody</span>,
  },
  { id: 'actor', header: 'By', width: 14, cell: ({ actor }) => <code>{actor}</code> },
];

/** Beside a job, which says who asked for it. */
const COLUMNS_BESIDE = COLUMNS.filter((column) => column.id !== 'actor');

function tookOf({ started_at: from, finished_at: to }: Pick<Summary, 'started_at' | 'finished_at'>): string {
  if (from === null || to === null) return '–';
  return to - from === 0 ? 'under 1 second' : duration(to - from);
}

function State({
  job: { status, progress, error },
}: {
  job: Pick<Summary, 'status' | 'progress' | 'error'>;
}) {
  if (status === 'running') return <Progress of={progress} />;
  return (
    <>
      <Badge tone={TONES[status]}>{status}</Badge>
      {error !== null && <div className="quiet">{error.message}</div>}
    </>
  );
}

function One({ id, onClose }: { id: string; onClose: () => void }) {
  const job = useQuery({
    ...reading('/v1/admin/jobs/{id}', { params: { path: { id } } }),
    refetchInterval: ({ state }) => (hasEnded(state.data?.status) ? false : LOOK_AGAIN_MS),
  });
  return (
    <section className="card stack" aria-label="Job">
      <div className="card-head">
        <h2>Job</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <Awaited of={job} lines={8}>
        {(answer) => (
          <>
            <p className="strong">{answer.kind.replaceAll('_', ' ')}</p>
            <State job={answer} />
            <dl className="facts">
              <dt>Id</dt>
              <dd>
                <Copyable text={answer.id} what="job’s id" />
              </dd>
              <dt>By</dt>
              <dd>
                <Copyable text={answer.actor} what="key’s id" />
              </dd>
              <dt>Begun</dt>
              <dd>
                <Moment at={answer.started_at} />
              </dd>
              <dt>Ended</dt>
              <dd>
                <Moment at={answer.finished_at} />
              </dd>
              <dt>Attempts</dt>
              <dd>{answer.attempts}</dd>
            </dl>
            {answer.kind === 'reconciliation' && answer.status === 'done' && (
              <Link to="/operations/books" search={{ job: answer.id }}>
                Its checks
              </Link>
            )}
            {answer.result !== null && answer.kind !== 'reconciliation' && (
              <>
                <h3>What came of it</h3>
                <pre className="payload" tabIndex={0} aria-label="What came of it">
                  {JSON.stringify(answer.result, null, 2).slice(0, RESULT_CHARACTERS_MAX)}
                </pre>
              </>
            )}
          </>
        )}
      </Awaited>
    </section>
  );
}

/** A result of an import may have megabytes. */
const RESULT_CHARACTERS_MAX = 20_000;
