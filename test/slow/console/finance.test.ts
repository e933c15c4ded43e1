/** The pages of finance in a real browser, over six weeks of a company's usage. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { exactUsd, picosOf } from '../../../packages/console/src/parts/money.js';
import type { Answer } from '../../support/app.js';
import { describeDashboard } from '../../support/browser.js';
import { exactIn } from '../../support/console-tables.js';
import { overflowOf } from '../../support/console-world.js';
import { aFinanceWorld, type FinanceWorld } from '../../support/finance-world.js';
import { pdfText } from '../../support/pdf-text.js';
import { until } from '../../support/until.js';

type Row = Answer['body'];

/** Everything that the page asked for is shown. */
async function settled(page: Page): Promise<void> {
  await page.locator('main .card').first().waitFor();
  await page.waitForSelector('[aria-label="Loading"], .chart .loading', { state: 'detached' });
}

describeDashboard(() => {
  let world: FinanceWorld;
  beforeAll(async () => {
    world = await aFinanceWorld();
  });
  afterAll(() => world.close());

  const open = async (address: string, look: Parameters<FinanceWorld['open']>[1] = {}) => {
    const window = await world.open(`/customers/acme${address}`, look);
    await settled(window.page);
    return window;
  };
  const sum = (rows: readonly Row[], field: string) =>
    exactUsd(rows.reduce((total, row) => total + picosOf(row[field]), 0n));

  it("the report shows the API's amounts to the last digit, and that they add up", async () => {
    const { page, complaints, close } = await open('/report?top=all');
    const balance = await world.get('/v1/entities/acme/balance');
    const { low_usd, high_usd } = await world.get('/v1/entities/acme/forecast');
    expect((await exactIn(page, '#tile-charged .figure'))[0]).toBe(balance.month_to_date_usd);
    expect(await exactIn(page, '#tile-forecast')).toEqual([balance.forecast_usd, low_usd, high_usd]);
    expect((await exactIn(page, '#tile-credits .figure'))[0]).toBe(balance.credits_usd);
    expect(await exactIn(page, '#tile-cap')).toEqual([balance.month_to_date_usd, '2400']);
    const { data } = await world.get('/v1/entities/acme/usage');
    expect((await exactIn(page, '#usage tfoot'))[0]).toBe(sum(data, 'cost_usd'));
    expect((await exactIn(page, '#meters tfoot'))[0]).toBe(sum(data, 'cost_usd'));
    expect(await page.locator('#books').textContent()).toMatch(
      /^✓ The books agree\. November 2026: charged \$/,
    );
    const models = await page.locator('#usage tbody td:nth-child(2)').allTextContents();
    for (const { model } of data) expect(models).toContain(model);
    expect(complaints).toEqual([]);
    await close();
  });

  it('a month that is over names what it was charged and what of its usage is billed in another, and shows no cap of this month', async () => {
    const { page, close } = await open('/report?month=2026-10');
    const bounds = 'start_time=1790812800&end_time=1793491200';
    const { periods, days, marks } = await world.get(`/v1/entities/acme/activity?${bounds}`);
    const charged = periods.find(({ period }: Row) => period === '2026-10');
    expect((await exactIn(page, '#tile-charged .figure'))[0]).toBe(charged.charged_usd);
    const late = marks.late.filter(({ occurred_period }: Row) => occurred_period === '2026-10');
    expect(await exactIn(page, '#tile-used')).toEqual([sum(days, 'cost_usd'), late[0].cost_usd]);
    expect(await page.locator('#tile-used').textContent()).toContain(
      'of it came late and is billed in November 2026',
    );
    expect(await page.locator('#tile-cap').count()).toBe(0);
    await close();
  });

  it('the rows of the report are searched, grouped and cut to the largest, and the others open', async () => {
    const { page, close } = await open('/report');
    const rows = page.locator('#usage tbody tr');
    expect(await rows.count()).toBe(10);
    await page.locator('#usage .others-line button').click();
    await page.waitForURL((url) => url.search.includes('top=all'));
    const { data } = await world.get('/v1/entities/acme/usage');
    await rows.nth(data.length - 1).waitFor();
    await page.getByLabel('Search projects and models').fill('bge');
    await page.waitForURL((url) => url.search.includes('search=bge'));
    const found = data.filter(({ model }: Row) => model.includes('bge')).length;
    await until('only what was found is shown', async () => (await rows.count()) === found);
    await close();
  });

  it('a bar’s day leads to its events, whose costs add up to it', async () => {
    const { page, close } = await open('/events?from=2026-11-19&to=2026-11-19');
    const { data } = await world.get(
      `/v1/entities/acme/events?limit=100&start_time=${Date.parse('2026-11-19') / 1000}&end_time=${Date.parse('2026-11-20') / 1000}`,
    );
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines.length - 1).toBe(data.length);
    await close();
  });

  it('the explorer groups by any two, and each group leads to its events alone', async () => {
    const { page, complaints, close } = await open('/usage?by=service_tier&and=model&top=all');
    await page
      .getByRole('link', { name: /Events of priority/ })
      .first()
      .click();
    await page.getByText('Service tier: priority').waitFor();
    await settled(page);
    const { data } = await world.get('/v1/entities/acme/events?service_tier=priority&limit=100');
    await page.getByText(`${data.length} event`).first().waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('an event is found by its id, explained by meter and price, and voided with its entries shown', async () => {
    const { body } = await world.app.call('GET /v1/entities/acme/events?limit=1&meter=search');
    const [event] = body.data;
    const { page, close } = await open('/events');
    await page.getByPlaceholder('Event id').fill(event.event_id);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.waitForURL((url) => url.search.includes(event.event_id));
    const links = page.locator('tbody th a');
    await until('no other event is shown', async () => (await links.count()) === 1);
    await links.click();
    await page.getByRole('heading', { name: 'Quantity × unit price' }).waitFor();
    expect((await exactIn(page, 'section[aria-labelledby="quantities-title"] tfoot'))[0]).toBe(
      event.cost_usd,
    );
    await page.getByRole('button', { name: 'Void' }).click();
    await page.getByLabel('Reason').fill('Sent twice');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('acme gets back').waitFor();
    await page.getByRole('button', { name: 'Void' }).last().click();
    await page.getByText('Audit entry').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('heading', { name: 'Corrections' }).waitFor();
    await close();
  });

  it('a statement is listed, adds up to what is due, and each of its lines leads to its events', async () => {
    const { page, close } = await open('/statements');
    await page.getByRole('link', { name: 'October 2026' }).click();
    await page.getByRole('heading', { name: 'Charges' }).waitFor();
    const statement = await world.get('/v1/entities/acme/statements/2026-10');
    expect((await exactIn(page, '#charges tfoot'))[0]).toBe(exactUsd(picosOf(statement.charges.amount_usd)));
    await page.locator('#charges tbody a').first().click();
    await page.getByRole('button', { name: 'Remove the filter Charged to October 2026' }).waitFor();
    await close();
  });

  it('a line of last month’s statement is explained down to one event, with the unit price of the line', async () => {
    const { page, complaints, close } = await open('/report?month=2026-10');
    await page.getByRole('link', { name: 'Statement', exact: true }).click();
    const { charges } = await world.get('/v1/entities/acme/statements/2026-10');
    const line = charges.lines.find(({ kind }: Row) => kind === 'usage');
    await page.locator('#charges tbody a').first().click();
    const { data } = await world.get(`${line.events_url}&limit=100`);
    await page.getByText(`${data.length} event`).first().waitFor();
    await page.locator('tbody th a').first().click();
    await page.getByRole('heading', { name: 'Quantity × unit price' }).waitFor();
    const explained = await page.locator('section[aria-labelledby="quantities-title"]').textContent();
    expect(explained).toContain(`$${line.unit_price_usd_per_million}`);
    expect(complaints).toEqual([]);
    await close();
  });

  it('a statement’s CSV has each of its lines, and its PDF the amount due', async () => {
    const { page, close } = await open('/statements/2026-10');
    const statement = await world.get('/v1/entities/acme/statements/2026-10');
    const download = async (button: string, within: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.locator(within).getByRole('button', { name: button, exact: true }).click(),
      ]);
      return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
    };
    const csv = await download('CSV', '#charges');
    const [header, ...lines] = csv.bytes.toString().trim().split('\r\n');
    const place = header!.split(',').indexOf('exact_usd');
    expect(lines.map((line) => line.split(',')[place])).toEqual(
      statement.charges.lines.map(({ exact_usd }: Row) => exact_usd),
    );
    const pdf = await download('PDF', '.page-head');
    expect(pdf.name).toBe('statement-acme-2026-10.pdf');
    const texts = (await pdfText(pdf.bytes)).pages.flat();
    const [whole, cents] = statement.charges.amount_usd.split('.');
    expect(texts).toContain(`$${Number(whole).toLocaleString('en-US')}.${cents}`);
    await close();
  });

  it('the charts follow a window that gets narrower', async () => {
    const { page, close } = await open('/report', { size: { width: 1440, height: 900 } });
    await page.waitForSelector('#daily canvas');
    await page.setViewportSize({ width: 400, height: 800 });
    await until('each chart is as narrow as its card', () =>
      page.evaluate(
        '[...document.querySelectorAll("canvas")].every((each) => each.clientWidth <= each.parentElement.clientWidth)',
      ),
    );
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await close();
  });
});
