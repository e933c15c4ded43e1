/** A month's statement: its lines add up to the amount due and to the credits left, and each line of usage links to its events. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { answered, api, reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { DataTable } from '../../parts/data-table.js';
import { CsvButton, DownloadButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { exactText, picosOf, sumPicos } from '../../parts/money.js';
import { monthName } from '../../parts/times.js';
import { FocusButton } from '../report/downloads.js';
import { CHARGE_FILE_COLUMNS, chargeColumns, CREDIT_COLUMNS, type ChargeLine } from './lines.js';
import { statementRoute } from './route.js';
import { stateOf } from './state.js';

type StatementOf = Schemas['Statement'];

export function Statement() {
  const { entity, period } = statementRoute.useParams();
  const found = useQuery(
    reading('/v1/entities/{entity}/statements/{period}', { params: { path: { entity, period } } }),
  );
  return (
    <>
      <PageHead
        title={entity}
        windowTitle={`Statement of ${monthName(period)}, ${entity}`}
        lead={`Statement of ${monthName(period)}`}
      >
        <a
          className="button"
          href={`/v1/entities/${entity}/statements/${period}`}
          target="_blank"
          rel="noopener noreferrer"
        >
          Page to print
        </a>
        <PdfButton entity={entity} period={period} />
        <FocusButton entity={entity} period={period} />
      </PageHead>
      <CustomerTabs entity={entity} />
      <p>
        <Link to="/customers/$entity/statements" params={{ entity }}>
          ‹ All statements
        </Link>
      </p>
      <Awaited of={found} lines={12}>
        {(statement) => <Shown statement={statement} />}
      </Awaited>
    </>
  );
}

function PdfButton({ entity, period }: { entity: string; period: string }) {
  return (
    <DownloadButton
      label="PDF"
      fileName={`statement-${entity}-${period}.pdf`}
      load={() =>
        answered(
          api.GET('/v1/entities/{entity}/statements/{period}', {
            params: { path: { entity, period } },
            headers: { accept: 'application/pdf' },
            parseAs: 'blob',
          }) as unknown as Promise<{ data: Blob }>,
        )
      }
    />
  );
}

function Shown({ statement }: { statement: StatementOf }) {
  const state = stateOf(statement, statement.as_of);
  return (
    <>
      <p>
        <Badge tone={state.tone}>{state.word}</Badge>{' '}
        {statement.status === 'final' ? (
          <>
            {statement.number}, closed on <Moment at={statement.closed_at} />.
          </>
        ) : (
          <>
            As of <Moment at={statement.as_of} />.
          </>
        )}{' '}
        {state.sentence}
      </p>
      <Figures statement={statement} />
      <Charges statement={statement} />
      <section className="card stack" aria-labelledby="credits-title" id="credits">
        <h2 id="credits-title">Credits</h2>
        <DataTable
          label="Movements of credits"
          columns={CREDIT_COLUMNS}
          rows={statement.credits.lines}
          keyOf={(line) => JSON.stringify(line)}
          totals={{
            kind: 'Closing balance',
            exact_usd: exactText(picosOf(statement.credits.exact_usd)),
            amount_usd: <Amount usd={statement.credits.amount_usd} />,
          }}
        />
      </section>
    </>
  );
}

function Figures({ statement: { charges, credits, billed, debt } }: { statement: StatementOf }) {
  const usage = sumPicos(charges.lines, (line) => (line.kind === 'usage' ? picosOf(line.exact_usd) : 0n));
  return (
    <section className="tiles" aria-label="Sums">
      <div className="tile" id="tile-usage">
        <h2>Usage</h2>
        <p className="figure">
          <Amount usd={usage} />
        </p>
        <p className="quiet">
          The sum of the lines; credits paid <Amount usd={usage - picosOf(charges.exact_usd)} />
        </p>
      </div>
      <div className="tile">
        <h2>To be paid</h2>
        <p className="figure">
          <Amount usd={billed.amount_usd} />
        </p>
        <p className="quiet">
          Charges <Amount usd={billed.charges.amount_usd} /> + credits bought{' '}
          <Amount usd={billed.purchases.amount_usd} /> − refunds <Amount usd={billed.refunds.amount_usd} />
        </p>
      </div>
      <div className="tile">
        <h2>Amount due for usage</h2>
        <p className="figure">
          <Amount usd={charges.amount_usd} />
        </p>
        <p className="quiet">What no credits paid</p>
      </div>
      <div className="tile">
        <h2>Credits at the end</h2>
        <p className="figure">
          <Amount usd={credits.amount_usd} />
        </p>
        <p className="quiet">
          {debt.amount_usd === '0' || debt.amount_usd === '0.00' ? (
            'No debt'
          ) : (
            <>
              Debt <Amount usd={debt.amount_usd} />
            </>
          )}
        </p>
      </div>
    </section>
  );
}

function Charges({ statement }: { statement: StatementOf }) {
  const { search = '' } = statementRoute.useSearch();
  const navigate = statementRoute.useNavigate();
  const setSearch = useCallback(
    (typed: string) => void navigate({ search: { search: typed || undefined }, replace: true }),
    [navigate],
  );
  const { lines } = statement.charges;
  const columns = useMemo(() => chargeColumns(statement.entity), [statement.entity]);
  const found = useMemo(() => lines.filter((line) => isFound(line, search)), [lines, search]);
  return (
    <section className="card stack" aria-labelledby="charges-title" id="charges">
      <div className="card-head">
        <h2 id="charges-title">Charges</h2>
        <CsvButton
          fileName={`tally-${statement.entity}-statement-${statement.period}.csv`}
          columns={CHARGE_FILE_COLUMNS}
          load={() => found}
        />
      </div>
      <SearchBox label="Search the lines" value={search} onChange={setSearch} />
      <DataTable
        label="Lines of the charges"
        columns={columns}
        rows={found}
        keyOf={(line) => JSON.stringify(line)}
        totals={
          search === ''
            ? {
                what: 'Amount due',
                exact_usd: exactText(picosOf(statement.charges.exact_usd)),
                amount_usd: <Amount usd={statement.charges.amount_usd} />,
              }
            : undefined
        }
        empty={
          search === '' ? (
            <Empty title={`Nothing was charged to ${monthName(statement.period)}`}>
              Usage that comes after a month was closed is charged to a later one.
            </Empty>
          ) : (
            <Empty title="No line matches the search" />
          )
        }
      />
    </section>
  );
}

function isFound(line: ChargeLine, search: string): boolean {
  return JSON.stringify(Object.values(line)).toLowerCase().includes(search.toLowerCase());
}
