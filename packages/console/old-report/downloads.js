/** The downloads: what is shown as CSV, the month's FOCUS rows, and its statement. */
import { ApiError, askBlob } from './api.js';
import { addMonths } from './calendar.js';
import { toCsv } from './csv.js';
import { byId, download } from './dom.js';
import { dailyCsv } from './tables.js';
import { usageCsv } from './usage-table.js';

export function listenToDownloads(page, onProblem) {
  const nameOf = (what) =>
    `tally-${page.view.entity}-${what}-${page.report.range.start}-to-${page.report.range.end}.csv`;
  const save = (what, rows) => download(nameOf(what), toCsv(rows));
  const months = (saveMonth) => () =>
    void eachMonth(page.report.range, (period) => saveMonth(page.view.entity, period), onProblem);
  byId('daily-csv').addEventListener('click', () => save('daily', dailyCsv(page.report.rows)));
  byId('table-csv').addEventListener('click', () => save('projects-and-models', usageCsv(page.report.table)));
  byId('focus-csv').addEventListener('click', months(saveFocus));
  byId('statement').addEventListener('click', months(saveStatement));
}

/** Saves one file for each month in the range. */
async function eachMonth(range, saveMonth, onProblem) {
  try {
    for (let month = range.start.slice(0, 7); `${month}-01` < range.end; month = addMonths(month, 1))
      await saveMonth(month);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    onProblem(error);
  }
}

async function saveFocus(entity, period) {
  download(`focus-${period}-${entity}.csv`, await askBlob('/v1/exports/focus.csv', { period, entity }));
}

async function saveStatement(entity, period) {
  const path = `/v1/entities/${encodeURIComponent(entity)}/statements/${period}`;
  download(`statement-${period}-${entity}.html`, await askBlob(path, {}, 'text/html'));
}
