/** The report in a real browser: every number is the API's, everything doubtful is named, and the address holds what is shown. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { exactUsd, picosOf } from '../../../packages/console/src/parts/money.js';
import type { Answer } from '../../support/app.js';
import { describeDashboard } from '../../support/browser.js';
import { csvRows, exactIn, rowsIn, savedBy, sumUsd } from '../../support/console-tables.js';
import { aFinanceWorld, type FinanceWorld } from '../../support/finance-world.js';
import { until } from '../../support/until.js';

type Row = Answer['body'];

const NOVEMBER = 'start_time=1793491200&end_time=1796083200';
const OCTOBER = 'start_time=1790812800&end_time=1793491200';
/** Of a chart; the others are one group. */
const GROUPS_SHOWN = 6;

describeDashboard(() => {
  let world: FinanceWorld;
  beforeAll(async () => {
    world = await aFinanceWorld();
  });
  afterAll(() => world.close());

  const textOf = async (page: Page, selector: string) => (await page.textContent(selector))?.trim();
  const titled = (page: Page, title: string) =>
    page.locator('#tile-charged h2', { hasText: title }).waitFor();

  it("each row and each grant has the API's numbers, to the last digit", async () => {
    const { page, complaints, close } = await world.openReport('?top=all');
    const { data } = await world.get('/v1/entities/acme/usage');
    const shown = await rowsIn(page, '#usage');
    expect(shown.filter(({ Requests }) => Requests !== '0').length).toBe(data.length);
    for (const row of data)
      expect(shown).toContainEqual(
        expect.objectContaining({
          Project: row.project,
          Model: row.model,
          Cost: row.cost_usd,
          Requests: row.requests.toLocaleString('en'),
          Input: row.input_tokens.toLocaleString('en'),
          'Cached input': row.cached_input_tokens.toLocaleString('en'),
          Output: row.output_tokens.toLocaleString('en'),
        }),
      );
    const grants = await world.get('/v1/admin/entities/acme/credits');
    expect((await rowsIn(page, '#grants')).map(({ Left }) => Left)).toEqual(
      grants.data.map((grant: Row) => grant.remaining_usd),
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it('says as of when it is, names late, unpriced and conflicting usage, and what will expire unused', async () => {
    const { page, close } = await world.openReport();
    expect(await textOf(page, '#as-of')).toMatch(
      /^Data as of 2026-11-22 17:40 UTC · latest usage \d\d:\d\d UTC$/,
    );
    expect(await textOf(page, '[data-badge="late"]')).toMatch(/^7 late requests, \$/);
    expect(await textOf(page, '[data-badge="unpriced"]')).toContain('18 requests without a price: ');
    expect(await textOf(page, '[data-badge="conflicts"] .badge')).toBe('1 conflicting event');
    const [charged = '', credits = '', overage = ''] = await exactIn(page, '#books');
    expect(sumUsd([credits, overage])).toBe(charged);
    await page.locator('#grants').getByText('will expire unused').waitFor();
    await close();
  });

  it('forecasts no more than a cap allows, and says so', async () => {
    const cap = (usd: string) =>
      world.app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: usd } });
    const balance = await world.get('/v1/entities/acme/balance');
    expect(Number(balance.forecast_usd)).toBeGreaterThan(Number(balance.month_to_date_usd) + 1);
    const limit = exactUsd(picosOf(balance.month_to_date_usd) + picosOf('1'));
    await cap(limit);
    const { page, close } = await world.openReport();
    expect((await exactIn(page, '#tile-forecast .figure'))[0]).toBe(limit);
    expect(await textOf(page, '#tile-forecast')).toMatch(/: the limits stop it there$/);
    await cap('2400');
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.locator('#tile-forecast', { hasText: 'for all of November 2026' }).waitFor();
    await close();
  });

  it('groups, measures and sorts as asked, with the same total, and describes the chart in words', async () => {
    const { page, complaints, close } = await world.openReport();
    await page.getByText('Usage by day as a table').click();
    const totals = async () =>
      (await rowsIn(page, '#daily')).map(({ Total = '' }) => Total.replace('–', '0'));
    const before = sumUsd(await totals());
    const { data } = await world.get('/v1/entities/acme/usage');
    expect(before).toBe(sumUsd(data.map((row: Row) => row.cost_usd)));
    const models = new Set(data.map(({ model }: Row) => model));
    expect(await textOf(page, '#daily .legend li:last-child')).toMatch(
      new RegExp(`^Other \\(${models.size - GROUPS_SHOWN}\\)`),
    );
    expect(await page.locator('#daily canvas').getAttribute('aria-label')).toMatch(
      /^Bars by day, November 2026: \$[\d,.]+ of cost in all, most of it by /,
    );
    await page.getByRole('button', { name: 'By project' }).click();
    await page.locator('#daily [data-group="support-assistant"]').waitFor();
    expect(sumUsd(await totals())).toBe(before);
    await page.getByRole('button', { name: 'Requests' }).first().click();
    await page.waitForURL((url) => url.search === '?by=project&show=requests');
    const requests: number = data.reduce((sum: number, row: Row) => sum + row.requests, 0);
    await until('the days show as many requests', async () => {
      const shown = (await totals()).map((total) => Number(total.replaceAll(',', '')));
      return shown.reduce((sum, total) => sum + total, 0) === requests;
    });
    await page.locator('#usage').getByRole('button', { name: 'Output' }).click();
    await page.waitForURL((url) => url.searchParams.get('sort') === '-output');
    await page.locator('#usage th[aria-sort="descending"]', { hasText: 'Output' }).waitFor();
    const outputs = (await rowsIn(page, '#usage')).map(({ Output = '' }) =>
      Number(Output.replaceAll(',', '')),
    );
    expect(outputs).toEqual(outputs.toSorted((a, b) => b - a));
    expect(complaints).toEqual([]);
    await close();
  });

  it('saves its days, its table and the FOCUS rows of its month, with all that the search finds', async () => {
    const { page, close } = await world.openReport('?top=10');
    const daily = await savedBy(page, 'button:has-text("Days as CSV")');
    expect(daily.name).toBe('tally-acme-daily-2026-11-01-to-2026-12-01.csv');
    const { days } = await world.get(`/v1/entities/acme/activity?${NOVEMBER}`);
    expect(csvRows(daily.text).map(({ cost_usd }) => cost_usd)).toEqual(days.map((row: Row) => row.cost_usd));
    const { data } = await world.get('/v1/entities/acme/usage');
    const table = csvRows((await savedBy(page, '#usage button:has-text("CSV")')).text);
    const used = table.filter(({ requests }) => requests !== '0');
    expect(used.length).toBe(data.length);
    expect(sumUsd(used.map(({ cost = '' }) => cost))).toBe(sumUsd(data.map((row: Row) => row.cost_usd)));
    await page.getByLabel('Search projects and models').fill('site-search');
    await page.waitForURL((url) => url.search.includes('search=site-search'));
    await until('the table shows what was found', async () =>
      (await rowsIn(page, '#usage')).every(({ Project }) => Project === 'site-search'),
    );
    const found = csvRows((await savedBy(page, '#usage button:has-text("CSV")')).text);
    expect(new Set(found.map(({ project }) => project))).toEqual(new Set(['site-search']));
    const focus = await savedBy(page, 'button:has-text("FOCUS CSV")');
    expect([focus.name, focus.text.includes('BilledCost')]).toEqual(['focus-2026-11-acme.csv', true]);
    await close();
  });

  it('changes months and days, keeps them in the address, and starts from the address', async () => {
    const { page, close } = await world.openReport();
    await page.getByRole('button', { name: 'Previous month' }).click();
    await titled(page, 'Charged to October 2026');
    const { periods } = await world.get(`/v1/entities/acme/activity?${OCTOBER}`);
    expect((await exactIn(page, '#tile-charged .figure'))[0]).toBe(periods[0].charged_usd);
    await page.getByLabel('From').fill('2026-11-02');
    await page.getByLabel('to', { exact: true }).fill('2026-11-01');
    await page.getByRole('button', { name: 'Show days' }).click();
    await page.getByText('The last day lies before the first.').waitFor();
    await page.getByLabel('to', { exact: true }).fill('2026-11-08');
    await page.getByRole('button', { name: 'Show days' }).click();
    await titled(page, 'Used 2 Nov to 8 Nov 2026');
    await page.reload();
    await titled(page, 'Used 2 Nov to 8 Nov 2026');
    await page.getByText('Usage by day as a table').click();
    expect((await rowsIn(page, '#daily')).length).toBe(7);
    await page.goBack();
    await titled(page, 'Charged to October 2026');
    await close();
  });

  it('a month without usage says so and leads to one with usage', async () => {
    const { page, close } = await world.openReport('?month=2026-02');
    await page.getByText('acme used nothing in February 2026 (UTC).').waitFor();
    expect(await page.locator('#daily').count()).toBe(0);
    await page.locator('#nothing-used').getByRole('button', { name: 'Show 2026-11' }).click();
    await titled(page, 'Month to date');
    await page.locator('#daily').waitFor();
    await close();
  });

  it('a customer without any usage says what will appear', async () => {
    await world.app.call('PUT /v1/admin/entities/newcomer', { body: { plan: 'free' } });
    const { page, complaints, close } = await world.openReport('', 'newcomer');
    await page.getByText('It has never used anything').waitFor();
    await page.getByText('No credits were ever granted').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('a key of one customer sees only its own, whatever the address says', async () => {
    const key = await world.app.key('finance', 'globex');
    const { page, close } = await world.open('/customers/globex/report', { key });
    const balance = await world.get('/v1/entities/globex/balance');
    await page.locator('#tile-charged').waitFor();
    expect((await exactIn(page, '#tile-charged .figure'))[0]).toBe(balance.month_to_date_usd);
    await page.goto(`${world.app.url}/dashboard/customers/acme/report`);
    await page.locator('main').getByRole('alert').first().waitFor();
    expect(await page.locator('#tile-charged').count()).toBe(0);
    await close();
  });
});
