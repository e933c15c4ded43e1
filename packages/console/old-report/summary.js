/** The top of the page: badges, the four figures, and whether the books agree. */
import { clockTime, dayOf, monthName, monthsName, shortDay } from './calendar.js';
import { fill, make } from './dom.js';
import { METERS } from './meters.js';
import { exactUsd, picosOf, readableUsd, sumPicos } from './money.js';
import { change, modelName, money, percentOf, plural } from './words.js';

/** A cap counts as near from 80% on. */
const NEAR_PER_MILLE = 800;

export function showTiles(report) {
  fill('tiles', ...[spentTile, forecastTile, capTile, creditsTile].map((tile) => tile(report)));
}

function spentTile({ range, spent, compared, comparedName }) {
  const name = range.isCurrentMonth ? 'Month to date' : `Total of ${range.name}`;
  const note =
    compared === null ? `No usage ${comparedName} to compare with` : `${change(compared)}: ${comparedName}`;
  return tile('spent', name, money(spent), note);
}

function forecastTile({ range, balance, forecast }) {
  if (range.isCurrentMonth && forecast !== null) {
    const end = forecast.isCapped ? `: the limits stop it there` : ` for all of ${monthName(balance.period)}`;
    const note = make('span', {}, 'Between ', money(forecast.low), ' and ', money(forecast.high), end);
    return tile('forecast', 'Forecast at month end', money(forecast.picos), note);
  }
  const note = range.isCurrentMonth ? 'It needs three whole days of usage' : 'Only of the month that is open';
  return tile('forecast', 'Forecast at month end', '–', note);
}

function capTile({ cap }) {
  if (cap === null) return tile('cap', 'Share of the cap', '–', 'No cap is set: usage never stops for one');
  const perMille = cap.limit === 0n ? 1_000 : Number((cap.spent * 1_000n) / cap.limit);
  const level = perMille >= 1_000 ? 'over' : perMille >= NEAR_PER_MILLE ? 'near' : 'far';
  const bar = make('progress', {
    class: level,
    max: 1_000,
    value: Math.min(perMille, 1_000),
    'aria-label': `${percentOf(cap.spent, perMille)} of the cap`,
  });
  const name = `Share of the ${cap.name} cap`;
  const of = make(
    'span',
    {},
    money(cap.spent),
    ' of ',
    money(cap.limit),
    ` in ${cap.period.length === 4 ? cap.period : monthName(cap.period)}`,
  );
  return tile('cap', name, percentOf(cap.spent, perMille), of, bar);
}

function creditsTile({ balance, credits, projection }) {
  const held = picosOf(balance.held_usd);
  const holds = held === 0n ? '' : ` · ${readableUsd(held)} held by running requests`;
  return tile('credits', 'Credits left', money(credits), `${lasting(projection, credits)}${holds}`);
}

function lasting({ lastsDays, points, rate }, credits) {
  if (credits === 0n) return 'Nothing left: usage is overage';
  if (lastsDays === null)
    return rate === 0n ? 'No usage in the seven days before today' : 'Last more than a year at this pace';
  return `Last ${plural(lastsDays, 'day')} at ${readableUsd(rate)} a day, to ${shortDay(points.at(-1).day)}`;
}

function tile(id, name, figure, note, bar = null) {
  return make(
    'article',
    { class: 'tile', id: `tile-${id}` },
    make('h2', {}, name),
    make('p', { class: 'figure' }, figure),
    bar,
    make('p', { class: 'quiet' }, note),
  );
}

export function showBadges({ marks }) {
  const models = marks.unpriced_models.map(modelName).join(', ');
  const parts = unpricedParts(marks);
  const badges = [
    marks.late_requests !== 0 &&
      badge(
        'late',
        `${plural(marks.late_requests, 'late request')}, ${readableUsd(picosOf(marks.late_usd))}`,
        {
          title:
            'They came after their month was closed: they show on the day they occurred and are charged to a later month.',
        },
      ),
    marks.unpriced_requests !== 0 &&
      badge('unpriced', `${plural(marks.unpriced_requests, 'request')} without a price: ${models}`, {
        title: 'They are kept and will be charged when the price comes.',
      }),
    parts.length > 0 &&
      badge(
        'unpriced-meters',
        `No price yet: ${parts.slice(0, PARTS_SHOWN).join('; ')}${moreThan(parts.length)}`,
        {
          title:
            'The rest of these requests is charged. This part is kept and will be charged when its price comes.',
        },
      ),
    marks.conflicts !== 0 &&
      badge('conflicts', plural(marks.conflicts, 'conflicting event'), {
        class: 'bad',
        title:
          'An event came again with other content. The first one counts; an admin can compare them and mark them as looked at.',
      }),
    marks.dead_letters !== 0 &&
      badge('dead-letters', `${plural(marks.dead_letters, 'event')} not counted`, {
        class: 'bad',
        title: 'They were refused with a reason and wait for an admin.',
      }),
  ];
  fill('badges', ...badges.filter(Boolean));
}

/** What has no price of requests that are charged otherwise, such as "web search of m". */
function unpricedParts({ unpriced, unpriced_models: whole }) {
  return unpriced
    .filter(({ model }) => !whole.includes(model))
    .map(({ model, quantities }) => {
      const meters = Object.keys(quantities).map((meter) => METERS[meter].label);
      return `${meters.join(', ')} of ${modelName(model)}`;
    });
}

/** More would fill the page. */
const PARTS_SHOWN = 3;

function moreThan(count) {
  return count > PARTS_SHOWN ? `; and ${count - PARTS_SHOWN} more` : '';
}

function badge(name, text, properties) {
  return make('li', { 'data-badge': name, ...properties }, text);
}

/** One line that says whether the months in the range were charged the sum of their usage, and credits and overage paid it. */
export function showBooks({ periods, elsewhere }) {
  if (periods.length === 0) return fill('books', 'Nothing is charged in this time.');
  const ok = periods.every((period) => period.ok);
  const sum = (field) => sumPicos(periods, (period) => picosOf(period[field]));
  const names = monthsName(periods[0].period, periods.at(-1).period);
  const mark = ok
    ? make('span', { class: 'good' }, '✓ The books agree. ')
    : make('span', { class: 'bad-mark' }, '✗ The books do not agree: ask an admin to reconcile. ');
  const wrong = periods.filter((period) => !period.ok).map(differing);
  fill(
    'books',
    mark,
    `${names}: charged `,
    money(sum('charged_usd')),
    ' = credits ',
    money(sum('credits_usd')),
    ' + overage ',
    money(sum('overage_usd')),
    ok ? '; projects and hours add up to the same, to the last digit.' : wrong.join(' '),
    ...(elsewhere === 0n
      ? []
      : [' The days below differ by ', money(elsewhere), ' of late usage: a day shows what occurred on it.']),
  );
}

function differing(period) {
  const sums = `$${exactUsd(picosOf(period.rolled_up_usd))} by hours, $${exactUsd(picosOf(period.projects_usd))} by projects`;
  return ` ${period.period}: charged $${period.charged_usd}, ${sums}.`;
}

export function showAsOf(activity) {
  const newest = activity.newest_usage_at;
  const usage = newest === null ? 'no usage yet' : `latest usage ${moment(newest, activity.as_of)}`;
  fill('as-of', `Data as of ${dayOf(activity.as_of)} ${clockTime(activity.as_of)} · ${usage}`);
}

function moment(seconds, asOf) {
  const day = dayOf(seconds);
  return day === dayOf(asOf) ? clockTime(seconds) : `${day} ${clockTime(seconds)}`;
}
