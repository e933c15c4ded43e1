/** Whether the months shown were charged the sum of their usage, and warnings about that usage. */
import { Fragment } from 'react';
import { Amount } from '../../parts/amount.js';
import { Badge } from '../../parts/badge.js';
import { monthsName } from '../../parts/calendar.js';
import { meterLabel } from '../../parts/meters.js';
import { picosOf, readableUsd, sumPicos } from '../../parts/money.js';
import { monthName, plural } from '../../parts/times.js';
import type { ReportOf } from './compute.js';

/** More would fill the page. */
const PARTS_SHOWN = 3;

export function Badges({ report: { activity } }: { report: ReportOf }) {
  const { marks } = activity;
  const parts = unpricedParts(marks);
  const more = parts.length > PARTS_SHOWN ? `; and ${parts.length - PARTS_SHOWN} more` : '';
  const badges = [
    marks.late_requests > 0 && {
      id: 'late',
      tone: 'warn' as const,
      text: `${plural(marks.late_requests, 'late request')}, ${readableUsd(picosOf(marks.late_usd))}`,
      title:
        'They came after their month was closed: they show on the day they occurred and are billed in a later month.',
    },
    marks.unpriced_requests > 0 && {
      id: 'unpriced',
      tone: 'warn' as const,
      text: `${plural(marks.unpriced_requests, 'request')} without a price: ${marks.unpriced_models.join(', ')}`,
      title: 'They are kept and will be charged when the price comes.',
    },
    parts.length > 0 && {
      id: 'unpriced-meters',
      tone: 'warn' as const,
      text: `No price yet: ${parts.slice(0, PARTS_SHOWN).join('; ')}${more}`,
      title:
        'The rest of these requests is charged. This part is kept and will be charged when its price comes.',
    },
    marks.conflicts > 0 && {
      id: 'conflicts',
      tone: 'bad' as const,
      text: plural(marks.conflicts, 'conflicting event'),
      title: 'An event came again with other content. The first one counts; an admin can compare them.',
    },
    marks.dead_letters > 0 && {
      id: 'dead-letters',
      tone: 'bad' as const,
      text: `${plural(marks.dead_letters, 'event')} not counted`,
      title: 'They were refused with a reason and wait for an admin.',
    },
  ].filter((badge) => badge !== false);
  if (badges.length === 0) return null;
  return (
    <ul className="badges" aria-label="What to know about this usage">
      {badges.map(({ id, tone, text, title }) => (
        <li key={id} data-badge={id}>
          <Badge tone={tone}>{text}</Badge> <span className="quiet">{title}</span>
        </li>
      ))}
    </ul>
  );
}

/** Meters without a price, of requests whose other meters are charged, such as "web search of m". */
function unpricedParts({ unpriced, unpriced_models: whole }: ReportOf['activity']['marks']): string[] {
  return unpriced
    .filter(({ model }) => !whole.includes(model))
    .map(({ model, quantities }) => `${Object.keys(quantities).map(meterLabel).join(', ')} of ${model}`);
}

/** One line that says whether the months in the range were charged the sum of their usage, and credits and overage paid it. */
export function Books({ report }: { report: ReportOf }) {
  const { periods } = report.activity;
  const [first, last] = [periods[0], periods.at(-1)];
  if (first === undefined || last === undefined) return <p id="books">Nothing was charged in this time.</p>;
  const isOk = periods.every((period) => period.ok);
  const sum = (field: 'charged_usd' | 'credits_usd' | 'overage_usd') =>
    sumPicos(periods, (period) => picosOf(period[field]));
  return (
    <p id="books">
      <span className={isOk ? 'books-ok' : 'error'}>
        {isOk ? '✓ The books agree. ' : '✗ The books do not agree: ask an admin to reconcile. '}
      </span>
      {monthsName(first.period, last.period)}: charged <Amount usd={sum('charged_usd')} /> = credits{' '}
      <Amount usd={sum('credits_usd')} /> + overage <Amount usd={sum('overage_usd')} />
      {isOk
        ? '; projects and hours add up to the same, to the last digit.'
        : `${periods
            .filter((period) => !period.ok)
            .map(differing)
            .join('')}.`}
      <ChargedAndUsed report={report} />
    </p>
  );
}

/** Why a month was charged another sum than was used in it. */
function ChargedAndUsed({ report: { charged, used, late, range } }: { report: ReportOf }) {
  const { billedElsewhere, fromElsewhere } = late;
  if (charged === null || billedElsewhere.length + fromElsewhere.length === 0) return null;
  const sum = used - sumPicos(billedElsewhere, (of) => of.picos) + sumPicos(fromElsewhere, (of) => of.picos);
  if (sum !== charged) return null;
  return (
    <span id="charged-and-used">
      {' '}
      Used in {range.name}: <Amount usd={used} />
      {billedElsewhere.map(({ month, picos }) => (
        <Fragment key={month}>
          {' '}
          − <Amount usd={picos} /> that came late and is billed in {monthName(month)}
        </Fragment>
      ))}
      {fromElsewhere.map(({ month, picos }) => (
        <Fragment key={month}>
          {' '}
          + <Amount usd={picos} /> late usage of {monthName(month)}
        </Fragment>
      ))}{' '}
      = <Amount usd={charged} />.
    </span>
  );
}

function differing(period: ReportOf['activity']['periods'][number]): string {
  return `. ${monthName(period.period)}: charged $${period.charged_usd}, $${period.rolled_up_usd} by hours, $${period.projects_usd} by projects`;
}
