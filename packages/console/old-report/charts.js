/** The three charts. What is drawn is rounded; tooltips, labels and tables have the exact numbers. */
import { shortDay } from './calendar.js';
import { byId } from './dom.js';
import { drawnUsd } from './money.js';
import { compact, groupName, measured } from './words.js';

/** With more days, the gaps between bars would be wider than the bars. */
const BARS_APART_MAX = 62;
const DENSE = { borderWidth: 0, barPercentage: 1, categoryPercentage: 1 };

const charts = new Map();

export function seriesColour(group, index) {
  return colour(group.isTail ? '--series-other' : `--series-${index}`);
}

/** Stacked bars; a click on a day opens its events. */
export function drawDaily(daily, { by, show, onDay }) {
  const drawn = (sum) => (show === 'cost' ? drawnUsd(sum) : Number(sum));
  const datasets = daily.groups.map((group, index) => ({
    label: groupName(group.name, by),
    data: group.measures.map(drawn),
    backgroundColor: seriesColour(group, index),
    borderColor: colour('--card'),
    maxBarThickness: 34,
    ...(daily.days.length > BARS_APART_MAX ? DENSE : { borderWidth: { top: 1 } }),
  }));
  const tell = ({ datasetIndex, dataIndex }) => {
    const group = daily.groups[datasetIndex];
    return ` ${groupName(group.name, by)}: ${measured(group.measures[dataIndex], show)}`;
  };
  const options = optionsOf({ days: daily.days, show, tell, isStacked: true });
  options.plugins.tooltip.filter = ({ datasetIndex, dataIndex }) =>
    daily.groups[datasetIndex].measures[dataIndex] !== 0n;
  options.plugins.tooltip.callbacks.footer = ([item]) =>
    item === undefined ? '' : `Total ${measured(daily.measures[item.dataIndex], show)}`;
  options.onClick = (_, [hit]) => hit && onDay(daily.days[hit.index]);
  draw('daily-chart', { type: 'bar', data: { labels: daily.days.map(shortDay), datasets }, options });
}

/** The running total, its forecast, and the cap. */
export function drawTotal({ days, running, forecast, cap }) {
  const datasets = [line('Total so far', running, '--series-0', { fill: true })];
  if (forecast) {
    const edge = { borderWidth: 0 };
    datasets.push(line('Forecast', forecast.middle, '--series-0', { borderDash: [5, 4] }));
    datasets.push(line('At the least', forecast.low, '--series-0', edge));
    const backgroundColor = `${colour('--series-0')}55`;
    datasets.push(line('At the most', forecast.high, '--series-0', { ...edge, backgroundColor, fill: '-1' }));
  }
  if (cap !== null)
    datasets.push(
      line(
        'Monthly cap',
        days.map(() => cap),
        '--series-4',
        { borderDash: [2, 3] },
      ),
    );
  drawLines('total-chart', days, datasets);
}

/** The credits left, and the projection at the present rate of usage. */
export function drawCredits({ days, left, ahead, lost }) {
  const expiry = { showLine: false, pointRadius: 6, pointStyle: 'triangle', pointRotation: 180 };
  drawLines('credits-chart', days, [
    line('Credits left', left, '--series-2', { fill: true }),
    ...(ahead.some((picos) => picos !== null)
      ? [line('At the pace of the last week', ahead, '--series-2', { borderDash: [5, 4] })]
      : []),
    ...(lost.some((picos) => picos !== null)
      ? [{ ...line('Expires unused', lost, '--series-4', expiry), data: drawnAt(ahead, lost) }]
      : []),
  ]);
}

function drawLines(id, days, datasets) {
  const tell = ({ datasetIndex, dataIndex }) => {
    const { label, exact } = datasets[datasetIndex];
    return ` ${label}: ${measured(exact[dataIndex], 'cost')}`;
  };
  const options = optionsOf({ days, show: 'cost', tell, isStacked: false });
  options.plugins.legend = {
    display: true,
    position: 'bottom',
    labels: {
      color: colour('--quiet'),
      boxWidth: 18,
      boxHeight: 1,
      usePointStyle: false,
      // The edges of a band have no line of their own.
      filter: ({ datasetIndex }) => datasets[datasetIndex].borderWidth !== 0,
    },
  };
  draw(id, { type: 'line', data: { labels: days.map(shortDay), datasets }, options });
}

function line(label, exact, name, style) {
  return {
    label,
    exact,
    data: exact.map((picos) => (picos === null ? null : drawnUsd(picos))),
    borderColor: colour(name),
    backgroundColor: `${colour(name)}22`,
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 12,
    tension: 0,
    ...style,
  };
}

/** Draws a mark on the line where credits expire unused. */
function drawnAt(line, marks) {
  return marks.map((mark, index) => (mark === null ? null : drawnUsd(line[index] ?? 0n)));
}

function optionsOf({ days, show, tell, isStacked }) {
  const ticks = { color: colour('--quiet'), maxRotation: 0, autoSkipPadding: 14, font: { size: 12 } };
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: 'index', intersect: false },
    scales: {
      x: { stacked: isStacked, ticks, grid: { display: false }, border: { color: colour('--line') } },
      y: {
        stacked: isStacked,
        beginAtZero: true,
        ticks: { ...ticks, maxTicksLimit: 6, callback: (value) => compact(value, show) },
        grid: { color: colour('--grid') },
        border: { display: false },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: colour('--ink'),
        titleColor: colour('--card'),
        bodyColor: colour('--card'),
        footerColor: colour('--card'),
        boxPadding: 4,
        callbacks: {
          title: ([item]) => (item === undefined ? '' : `${days[item.dataIndex]} (UTC)`),
          label: tell,
        },
      },
    },
  };
}

function draw(id, config) {
  charts.get(id)?.destroy();
  charts.set(id, new globalThis.Chart(byId(id), config));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
