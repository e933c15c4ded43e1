/** Whether the books agree: the checks of a reconciliation with both sides, and the repair of differences. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api, reading, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { asApiError } from '../../api/errors.js';
import { announce } from '../../parts/announcements.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { TextBox } from '../../parts/fields.js';
import { hasEnded, outcomeOf, Progress } from '../../parts/job.js';
import { groupDigits } from '../../parts/money.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { Problem } from '../../parts/problem.js';
import { plural } from '../../parts/times.js';
import { OperationsTabs } from './operations-tabs.js';
import { booksRoute } from './route.js';

type Reconciliation = Schemas['Reconciliation'];
type Check = Schemas['ReconciliationCheck'];
type Difference = Schemas['Difference'];
type Repair = Schemas['Repair'];

const LOOK_AGAIN_MS = 1_000;
const CHANGES_MAX = 8;

export function Books() {
  const { job } = booksRoute.useSearch();
  const navigate = booksRoute.useNavigate();
  const newest = useQuery({
    ...reading('/v1/admin/jobs', { params: { query: { kind: 'reconciliation', limit: 1 } } }),
    enabled: job === undefined,
  });
  const shown = job ?? newest.data?.data[0]?.id;
  const show = (id: string | undefined) => void navigate({ search: { job: id }, replace: true });
  return (
    <>
      <PageHead
        title="Books"
        lead="A reconciliation computes each sum in two ways and compares them in one snapshot."
      >
        <Reconcile
          onStarted={show}
          onDone={() => {
            show(undefined);
            void newest.refetch();
          }}
        />
        <RepairButton />
      </PageHead>
      <OperationsTabs />
      {shown === undefined ? (
        <div className="card">
          <Empty title="Never compared">Reconcile to compare the books now. It changes nothing.</Empty>
        </div>
      ) : (
        <Shown id={shown} />
      )}
    </>
  );
}

function Reconcile({ onStarted, onDone }: { onStarted: (job: string) => void; onDone: () => void }) {
  const [isWaiting, setWaiting] = useState(false);
  const start = async () => {
    setWaiting(true);
    try {
      const answer = await answered(api.GET('/v1/admin/reconciliation'));
      if (answer.object === 'job') onStarted(answer.id);
      else {
        announce(answer.ok ? 'The books agree.' : 'The books differ.', answer.ok ? 'good' : 'bad');
        onDone();
      }
    } catch (error) {
      announce(`The books could not be compared: ${asApiError(error).message}`, 'bad');
    } finally {
      setWaiting(false);
    }
  };
  return (
    <button type="button" className="primary" onClick={() => void start()} disabled={isWaiting}>
      {isWaiting ? 'Comparing…' : 'Reconcile now'}
    </button>
  );
}

function Shown({ id }: { id: string }) {
  const job = useQuery({
    ...reading('/v1/admin/jobs/{id}', { params: { path: { id } } }),
    refetchInterval: ({ state }) => (hasEnded(state.data?.status) ? false : LOOK_AGAIN_MS),
  });
  return (
    <Awaited of={job} lines={10}>
      {({ status, progress, error, result, finished_at: at }) => {
        if (status === 'failed')
          return <Problem error={new Error(`The reconciliation failed. ${error?.message ?? ''}`)} />;
        if (status !== 'done')
          return (
            <div className="card stack">
              <p className="strong">Comparing the books</p>
              <Progress of={progress} label="Reconciliation" />
            </div>
          );
        return <Checks reconciliation={result as Reconciliation} at={at} />;
      }}
    </Awaited>
  );
}

function Checks({
  reconciliation: { ok, checks },
  at,
}: {
  reconciliation: Reconciliation;
  at: number | null;
}) {
  const differing = checks.filter((check) => !check.ok);
  return (
    <>
      <p>
        <Badge tone={ok ? 'good' : 'bad'}>
          {ok ? 'The books agree' : plural(differing.length, 'check') + ' differ'}
        </Badge>{' '}
        <span className="quiet">
          {plural(checks.length, 'check')}, <Moment at={at} />
        </span>
      </p>
      {differing.map((check) => (
        <Differing key={check.name} check={check} />
      ))}
      <section className="card stack">
        <h2 id="checks">Checks</h2>
        <p className="quiet">
          Each sum, computed in two ways. Amounts are in picodollars: 1,000,000,000,000 are $1.
        </p>
        <DataTable
          label="Checks"
          columns={CHECK_COLUMNS}
          rows={checks}
          keyOf={({ name }) => name}
          toneOf={(check) => (check.ok ? undefined : 'bad')}
        />
      </section>
    </>
  );
}

const CHECK_COLUMNS: readonly Column<Check>[] = [
  { id: 'name', header: 'Check', width: 15.2, cell: ({ name }) => name },
  {
    id: 'ok',
    header: 'Result',
    width: 5.3,
    cell: ({ ok }) => <Badge tone={ok ? 'good' : 'bad'}>{ok ? 'agrees' : 'differs'}</Badge>,
  },
  { id: 'left', header: 'Left', width: 10.5, isNumber: true, cell: ({ left }) => grouped(left) },
  { id: 'right', header: 'Right', width: 10.5, isNumber: true, cell: ({ right }) => grouped(right) },
];

function Differing({ check: { name, differences } }: { check: Check }) {
  const fields = [...new Set(differences.flatMap((difference) => Object.keys(difference)))];
  return (
    <section className="card stack" aria-label={name}>
      <h2>{headerOf(name)}</h2>
      <DataTable
        label={`Differences: ${name}`}
        columns={fields.map(columnOf)}
        rows={differences}
        keyOf={(difference) => JSON.stringify(difference)}
      />
    </section>
  );
}

function columnOf(field: string): Column<Difference> {
  const isSum = field === 'left' || field === 'right';
  return {
    id: field,
    header: headerOf(field),
    width: isSum ? 10.5 : 15.2,
    isNumber: isSum,
    cell: (difference) => textOf(difference[field]),
  };
}

function headerOf(field: string): string {
  const words = field.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([name, each]) => `${name} ${String(each)}`);
    return parts.join(', ');
  }
  return grouped(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Whole numbers, such as picodollars, in groups of three digits. */
function grouped(text: string): string {
  return /^-?\d+$/.test(text) ? groupDigits(BigInt(text)) : text;
}

function RepairButton() {
  const [entity, setEntity] = useState('');
  const named = () => entity.trim() || null;
  const send = (headers: ActHeaders | null) =>
    answered(
      api.POST('/v1/admin/reconciliation/repair', {
        params: { query: { dry_run: headers === null } },
        ...(headers === null ? {} : { headers }),
        body: { entity: named() },
      }),
    );
  return (
    <ActButton needs="POST /v1/admin/reconciliation/repair" label="Repair…">
      {(close) => (
        <ActDialog
          title="Rebuild sums"
          verb="Repair"
          entity={named()}
          fields={
            <>
              <p className="quiet">
                Sums are rebuilt from events, corrections and the ledger, which are never changed.
              </p>
              <TextBox
                name="entity"
                label="Customer"
                hint="Empty is every customer"
                value={entity}
                onChange={setEntity}
              />
            </>
          }
          onClose={close}
          preview={async () => {
            const answer = await send(null);
            if (answer.object !== 'job') return { sentences: repairSentences(answer) };
            return {
              sentences: [
                `The preview takes long: ${answer.id} shows it on the page Jobs when it is done. Repairing changes only sums that differ.`,
              ],
            };
          }}
          perform={async (headers) =>
            outcomeOf<Repair>(await send(headers), ({ changed }) =>
              changed === 0
                ? 'Every sum was right; nothing was changed.'
                : `${plural(changed, 'sum')} ${changed === 1 ? 'is' : 'are'} rebuilt.`,
            )
          }
        />
      )}
    </ActButton>
  );
}

function repairSentences({ changed, changes }: Repair): string[] {
  if (changed === 0) return ['Every sum is right: nothing will be changed.'];
  const shown = changes.slice(0, CHANGES_MAX);
  return [
    `${plural(changed, 'sum')} differ${changed === 1 ? 's' : ''} from events, corrections and ledger.`,
    ...shown.map(
      ({ projection, key, before, after }) =>
        `${projection.replaceAll('_', ' ')} of ${Object.values(key).join(', ')}: ${textsOf(before)} → ${textsOf(after)}.`,
    ),
    ...(changed > shown.length ? [`And ${plural(changed - shown.length, 'more sum')}.`] : []),
  ];
}

function textsOf(texts: Readonly<Record<string, string>>): string {
  const entries = Object.entries(texts);
  return entries.length === 0 ? 'nothing' : entries.map(([name, value]) => `${name} ${value}`).join(', ');
}
