/** The calls whose time is measured: what the dashboard asks for a month and for a year, and each report in its usual and largest form. */
import type { ServiceProcess } from '../support/service-process.js';
import { entityName } from './year-of-usage.js';

const DASHBOARD_MS = 200;
const REPORT_MS = 300;
const DAY_S = 86_400;

export type Call = {
  readonly name: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly targetMs: number;
};

/** All of the largest customer. `end` is the midnight at which the usage ends. */
export async function callsOf(service: ServiceProcess, end: Date): Promise<Call[]> {
  const entity = entityName(0);
  return [
    ...dashboardCalls(`/v1/entities/${entity}`, end),
    await deepPage(service, `/v1/entities/${entity}`, end),
    ...usageCalls(entity, end),
    ...costCalls(entity, end),
  ];
}

function dashboardCalls(base: string, end: Date): Call[] {
  const last = new Date(end.getTime() - 1);
  const month = (back: number) => Date.UTC(last.getUTCFullYear(), last.getUTCMonth() - back, 1) / 1000;
  const range = (from: number, to: number) => `start_time=${from}&end_time=${to}`;
  const period = new Date(month(2) * 1000).toISOString().slice(0, 7);
  const calls: readonly (readonly [string, string])[] = [
    ['balance, with its forecast', `${base}/balance`],
    ['activity, this month', `${base}/activity?${range(month(0), month(-1))}`],
    ['activity, a closed month', `${base}/activity?${range(month(2), month(1))}`],
    ['activity, 12 months', `${base}/activity?${range(month(11), month(-1))}`],
    ['usage by project and model, 12 months', `${base}/usage?${range(month(11), month(-1))}`],
    ['entities', '/v1/entities'],
    ["a day's events, first page", `${base}/events?${range(month(1), month(1) + DAY_S)}&limit=50`],
    ['statement of a closed month', `${base}/statements/${period}`],
  ];
  return calls.map(([name, path]) => ({ name, path, targetMs: DASHBOARD_MS }));
}

/** The page after so many events of a day. */
async function deepPage(service: ServiceProcess, base: string, end: Date): Promise<Call> {
  const from = Math.floor(end.getTime() / 1000) - DAY_S;
  const path = `${base}/events?start_time=${from}&end_time=${from + DAY_S}`;
  let after = '';
  for (let page = 0; page < 20; page += 1) {
    const { body } = await service.call(`GET ${path}&limit=100${after}`);
    if (body.has_more !== true) break;
    after = `&after=${encodeURIComponent(body.last_id as string)}`;
  }
  return { name: "a day's events, page 40", path: `${path}&limit=50${after}`, targetMs: DASHBOARD_MS };
}

function usageCalls(entity: string, end: Date): Call[] {
  const to = Math.floor(end.getTime() / 1000);
  const forms: readonly (readonly [string, number, string])[] = [
    ['1d, 7', 7 * DAY_S, 'bucket_width=1d'],
    ['1d, 31', 31 * DAY_S, 'bucket_width=1d&limit=31'],
    ['1h, 168', 7 * DAY_S, 'bucket_width=1h&limit=168'],
    ['1m, 1440', DAY_S, 'bucket_width=1m&limit=1440'],
  ];
  const groups = ['', 'project_id', 'model', 'user_id', 'api_key_id'];
  const calls = forms.flatMap(([name, seconds, query]) =>
    groups.map((group) => ({
      name: `usage ${name}${group === '' ? '' : ` by ${group}`}`,
      path: `/v1/organization/usage/completions?start_time=${to - seconds}&end_time=${to}&${query}${group === '' ? '' : `&group_by=${group}`}`,
    })),
  );
  const ofOne = calls
    .filter(({ name }) => name.includes('user_id'))
    .map(({ name, path }) => ({ name: `${name}, one project`, path: `${path}&project_ids=search` }));
  return [...calls, ...ofOne].map((call) => ({
    ...call,
    headers: { 'openai-organization': entity },
    targetMs: REPORT_MS,
  }));
}

function costCalls(entity: string, end: Date): Call[] {
  const to = Math.floor(end.getTime() / 1000);
  const groups = ['', 'project_id', 'line_item', 'api_key_id'];
  return [7, 31, 180].flatMap((days) =>
    groups.map((group) => ({
      name: `costs 1d, ${days}${group === '' ? '' : ` by ${group}`}`,
      path: `/v1/organization/costs?start_time=${to - days * DAY_S}&end_time=${to}&limit=${days}${group === '' ? '' : `&group_by=${group}`}`,
      headers: { 'openai-organization': entity },
      targetMs: REPORT_MS,
    })),
  );
}
