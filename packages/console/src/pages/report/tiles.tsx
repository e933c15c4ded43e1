/** The four figures at the top. A month that is over shows what it was charged and what was used in it, each with late usage named. */
import type { ReactNode } from 'react';
import { Amount } from '../../parts/amount.js';
import { change, percentOf } from '../../parts/words.js';
import { perMilleOf, picosOf, readableUsd } from '../../parts/money.js';
import { ShareBar } from '../../parts/share-bar.js';
import { monthName, plural } from '../../parts/times.js';
import { shortDay } from '../../parts/calendar.js';
import type { Late, ReportOf } from './compute.js';

export function Tiles({ report }: { report: ReportOf }) {
  return (
    <section className="tiles" aria-label="Summary" id="tiles">
      <Charged report={report} />
      {report.range.isCurrentMonth ? <Forecast report={report} /> : <Used report={report} />}
      {report.range.isCurrentMonth ? <CapShare report={report} /> : <PaidBy report={report} />}
      <Credits report={report} />
    </section>
  );
}

function Tile({
  id,
  title,
  figure,
  children,
}: {
  id: string;
  title: string;
  figure: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="tile" id={`tile-${id}`}>
      <h2>{title}</h2>
      <p className="figure">{figure}</p>
      <div className="quiet">{children}</div>
    </div>
  );
}

function Charged({ report }: { report: ReportOf }) {
  const { range, charged, used, late } = report;
  if (charged === null)
    return (
      <Tile id="charged" title={`Used ${range.name}`} figure={<Amount usd={used} />}>
        <Compared report={report} />
      </Tile>
    );
  const title = range.isCurrentMonth ? 'Month to date' : `Charged to ${range.name}`;
  return (
    <Tile id="charged" title={title} figure={<Amount usd={charged} />}>
      {range.isCurrentMonth && <Compared report={report} />}
      {late.fromElsewhere.map((each) => (
        <p key={each.month}>
          <Amount usd={each.picos} /> of it is late usage of {monthName(each.month)}
        </p>
      ))}
      {!range.isCurrentMonth && late.fromElsewhere.length === 0 && <p>What the month’s statement charges</p>}
    </Tile>
  );
}

function Used({ report }: { report: ReportOf }) {
  const { range, used, late } = report;
  const title = range.month === null ? 'Billed in other months' : `Used in ${range.name}`;
  if (range.month === null)
    return (
      <Tile id="used" title={title} figure={<Amount usd={report.activity.marks.late_usd} />}>
        Late usage that occurred on these days, or is charged to their months
      </Tile>
    );
  return (
    <Tile id="used" title={title} figure={<Amount usd={used} />}>
      <Compared report={report} />
      {late.billedElsewhere.map((each) => (
        <BilledElsewhere key={each.month} late={each} />
      ))}
      {late.billedElsewhere.length === 0 && <p>All of it is charged to {range.name}</p>}
    </Tile>
  );
}

function BilledElsewhere({ late }: { late: Late }) {
  return (
    <p>
      <Amount usd={late.picos} /> of it came late and is billed in {monthName(late.month)}
    </p>
  );
}

function Compared({ report: { compared, comparedName } }: { report: ReportOf }) {
  return (
    <p>
      {compared === null
        ? `No usage to compare with: ${comparedName}`
        : `${change(compared)}: ${comparedName}`}
    </p>
  );
}

function Forecast({ report: { forecast, range } }: { report: ReportOf }) {
  if (forecast === null)
    return (
      <Tile id="forecast" title="Forecast at month end" figure="–">
        It needs three whole days of usage
      </Tile>
    );
  return (
    <Tile id="forecast" title="Forecast at month end" figure={<Amount usd={forecast.picos} />}>
      Between <Amount usd={forecast.low} /> and <Amount usd={forecast.high} />
      {forecast.isCapped ? ': the limits stop it there' : ` for all of ${range.name}`}
    </Tile>
  );
}

function CapShare({ report: { cap } }: { report: ReportOf }) {
  if (cap === null)
    return (
      <Tile id="cap" title="Share of the cap" figure="–">
        No cap is set, so none stops usage
      </Tile>
    );
  const perMille = perMilleOf(cap.spent, cap.limit) ?? 1_000;
  return (
    <Tile id="cap" title={`Share of the ${cap.name} cap`} figure={percentOf(cap.spent, perMille)}>
      <ShareBar label={`Share of the ${cap.name} cap`} used={cap.spent} limit={cap.limit} />
      <Amount usd={cap.spent} /> of <Amount usd={cap.limit} /> in{' '}
      {cap.name === 'yearly' ? cap.period : monthName(cap.period)}
    </Tile>
  );
}

function PaidBy({ report: { range, activity, rows } }: { report: ReportOf }) {
  if (range.month === null) {
    const credits = rows.reduce((sum, row) => sum + row.credits, 0n);
    return (
      <Tile id="paid" title="Paid by credits" figure={<Amount usd={credits} />}>
        The rest of the usage on these days is overage
      </Tile>
    );
  }
  const period = activity.periods.find((each) => each.period === range.month);
  return (
    <Tile id="paid" title="Paid by credits" figure={<Amount usd={period?.credits_usd ?? '0'} />}>
      <Amount usd={period?.overage_usd ?? '0'} /> of the charge is overage
    </Tile>
  );
}

function Credits({ report }: { report: ReportOf }) {
  const { balance, projection } = report;
  const held = picosOf(balance.held_usd);
  const credits = picosOf(balance.credits_usd);
  return (
    <Tile id="credits" title="Credits left now" figure={<Amount usd={credits} />}>
      <p>{lasting(projection, credits)}</p>
      {held > 0n && (
        <p>
          <Amount usd={held} /> held by requests in flight
        </p>
      )}
    </Tile>
  );
}

function lasting({ lastsDays, points, rate }: ReportOf['projection'], credits: bigint): string {
  if (credits === 0n) return 'Nothing left';
  if (rate === 0n) return 'No usage in the last seven days';
  if (lastsDays === null) return `Last more than a year at ${readableUsd(rate)} a day`;
  const end = points.at(-1);
  return `Last ${plural(lastsDays, 'day')} at ${readableUsd(rate)} a day${end === undefined ? '' : `, to ${shortDay(end.day)}`}`;
}
