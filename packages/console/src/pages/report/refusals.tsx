/** A banner for a customer whose requests are refused: which limit, until when, and the last requests that it refused. */
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Moment } from '../../parts/moment.js';
import { picosOrNull, roundUsd } from '../../parts/money.js';
import { dayOf, minuteOf, plural } from '../../parts/times.js';
import type { Schemas } from '../../api/client.js';
import { limitWords, isRefused } from '../customers/customer-state.js';
import type { ReportOf } from './compute.js';

type Denial = Schemas['DeniedDecision'];

export function Refusals({ report }: { report: ReportOf }) {
  const { customer, denials, balance } = report;
  const count = denials.hours.reduce((sum, { denied }) => sum + denied, 0);
  const refused = isRefused(customer);
  if (!refused && count === 0) return null;
  return (
    <section className={`banner ${refused ? 'bad' : 'warn'}`} aria-label="Refused requests" id="refusals">
      {refused && <p className="strong">{sentenceOf(customer.state, balance)}</p>}
      {count > 0 && <Denials denials={denials} count={count} />}
    </section>
  );
}

function sentenceOf(state: Schemas['CustomerState'], balance: Schemas['Balance']): string {
  const cap = picosOrNull(balance.monthly_cap_usd);
  if (state === 'out_of_credits')
    return 'Every request is refused: no credits are left, and overage is blocked.';
  const year = picosOrNull(balance.yearly_cap_usd);
  if (cap !== null)
    return `Every request is refused until the next month: the monthly cap of ${roundUsd(cap)} is used up.`;
  return `Every request is refused until the next year: the yearly cap${year === null ? '' : ` of ${roundUsd(year)}`} is used up.`;
}

const COLUMNS: readonly Column<Denial>[] = [
  { id: 'at', header: 'When', width: 9, cell: (row) => <Moment at={row.created_at} /> },
  { id: 'project', header: 'Project', width: 9, cell: ({ project }) => project },
  { id: 'model', header: 'Model asked for', width: 11, cell: ({ asked }) => asked.model ?? '–' },
  { id: 'why', header: 'Why', width: 19, cell: (row) => whyOf(row) },
  { id: 'request', header: 'Request', width: 8, cell: ({ asked }) => asked.request_id ?? '–' },
];

function Denials({ denials, count }: { denials: Schemas['DenialList']; count: number }) {
  const byLimit = new Map<string, number>();
  for (const { limit, denied } of denials.hours) byLimit.set(limit, (byLimit.get(limit) ?? 0) + denied);
  return (
    <>
      <p>
        {plural(count, 'request')} refused in the last seven days:{' '}
        {[...byLimit].map(([limit, denied]) => `${denied} by ${limitWords(limit)}`).join(', ')}.
      </p>
      {denials.data.length > 0 && (
        <details>
          <summary>The newest of them, each with its reason</summary>
          <div className="card">
            <DataTable
              label="Refused requests"
              columns={COLUMNS}
              rows={denials.data}
              keyOf={({ id }) => id}
            />
          </div>
        </details>
      )}
    </>
  );
}

function whyOf(denial: Denial) {
  const { limit, limits, resets_at: resets, created_at: at, mode } = denial;
  const amounts: Readonly<Record<string, string | null>> = {
    project_monthly_cap: limits.project_monthly_cap_usd,
    entity_monthly_cap: limits.entity_monthly_cap_usd,
    entity_yearly_cap: limits.entity_yearly_cap_usd,
  };
  const cap = picosOrNull(amounts[limit] ?? null);
  const until = resets === null ? '' : `, next ${dayOf(resets)}`;
  return (
    <>
      {limit === 'credits'
        ? 'no credits left'
        : `${limitWords(limit)}${cap === null ? '' : ` ${roundUsd(cap)}`} reached`}{' '}
      on {minuteOf(at)}
      {until} {mode === 'shadow' && <Badge tone="plain">admitted: shadow</Badge>}
    </>
  );
}
