/** From the report to the events behind it: of a day, of a row, of a meter, and what explains one of them. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { Answer } from '../../support/app.js';
import { describeDashboard } from '../../support/browser.js';
import { csvRows, exactIn, rowsIn, savedBy, sumUsd } from '../../support/console-tables.js';
import { aFinanceWorld, type FinanceWorld } from '../../support/finance-world.js';
import { until } from '../../support/until.js';

type Row = Answer['body'];

const NOVEMBER = 'start_time=1793491200&end_time=1796083200';
const KIMI = 'cw_moonshotai_Kimi-K2-Instruct';
const CLAUDE = 'claude-sonnet-4-5';

describeDashboard(() => {
  let world: FinanceWorld;
  beforeAll(async () => {
    world = await aFinanceWorld();
  });
  afterAll(() => world.close());

  const events = '[aria-label="Events"]';
  const eventsOf = async (page: Page, count: number) => {
    await page.getByText(new RegExp(`^${count} events, newest first$`)).waitFor();
    return rowsIn(page, `${events}.scroll`);
  };
  /** Scrolls to the end of the list until all of it has come. */
  const scrollToEnd = async (page: Page) => {
    await until('the last events have come', async () => {
      await page
        .locator(`${events}.scroll`)
        .evaluate(
          (list: { scrollTop: number; scrollHeight: number }) => (list.scrollTop = list.scrollHeight),
        );
      return (await page.getByText('more come as you scroll').count()) === 0;
    });
  };

  it('the keyboard leads from a day to all of its events, whose sum is its cost, and back', async () => {
    const { page, complaints, close } = await world.openReport();
    await page.locator('#daily summary').press('Enter');
    const days = await rowsIn(page, '#daily');
    const { Total: cost } = days.find((row) => row['Day (UTC)'] === '2026-11-19')!;
    await page.getByRole('link', { name: 'Events of 2026-11-19' }).press('Enter');
    await page.getByText('Events of 2026-11-19, UTC').waitFor();
    const saved = csvRows((await savedBy(page, 'button:has-text("CSV")')).text);
    expect(sumUsd(saved.map(({ cost_usd = '' }) => cost_usd))).toBe(cost);
    await scrollToEnd(page);
    await page.getByText(`${saved.length} events, newest first`).waitFor();
    expect(complaints).toEqual([]);
    await page.goBack();
    await page.locator('#daily').waitFor();
    await close();
  });

  it('a bar leads to the events of its day', async () => {
    const { page, close } = await world.openReport();
    const canvas = page.locator('#daily canvas');
    await canvas.scrollIntoViewIfNeeded();
    const box = (await canvas.boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height * 0.75);
    await page.getByText(/^Events of 2026-11-1[3-6], UTC$/).waitFor();
    expect(new URL(page.url()).search).toMatch(/^\?from=(2026-11-1[3-6])&to=\1$/);
    await close();
  });

  it('a row leads to its events alone, each with what is unusual about it', async () => {
    const { page, close } = await world.openReport('?top=all');
    await page.locator('#usage').getByRole('link', { name: KIMI }).first().click();
    const rows = await eventsOf(page, 18);
    expect(rows.map((row) => row['Model, project']?.startsWith(KIMI))).toEqual(Array(18).fill(true));
    expect(await page.locator(`${events} .badge`).allTextContents()).toEqual(Array(18).fill('no price yet'));
    await close();
  });

  it('each meter that was used has a line, no other has, and they add up to the cost', async () => {
    const { page, complaints, close } = await world.openReport();
    const { data } = await world.get(`/v1/entities/acme/usage?${NOVEMBER}`);
    const of = (meter: string, field: string): string[] =>
      data.flatMap((row: Row) => row[field][meter] ?? []).map(String);
    const shown = await rowsIn(page, '#meters');
    expect(shown.map(({ Meter }) => Meter)).toEqual([
      'Input partly without a price',
      'Cached input',
      'Cache write',
      'Output partly without a price',
      'Reasoning',
      'Web search',
      'Page no price yet',
    ]);
    const lineOf = (name: string) => shown.find(({ Meter }) => Meter === name)!;
    for (const [meter, name] of [
      ['cached_input', 'Cached input'],
      ['search', 'Web search'],
    ] as const) {
      const quantity = of(meter, 'quantities').reduce((total, each) => total + Number(each), 0);
      expect(lineOf(name)['Quantity']).toBe(quantity.toLocaleString('en'));
      expect(lineOf(name)['Cost']).toBe(sumUsd(of(meter, 'meter_costs_usd')));
    }
    expect(sumUsd(shown.map(({ Cost = '' }) => Cost))).toBe((await exactIn(page, '#usage tfoot'))[0]);
    expect(await page.locator('[data-badge="unpriced-meters"] .badge').textContent()).toBe(
      `No price yet: page of ${CLAUDE}`,
    );
    await page.goto(`${world.app.url}/dashboard/customers/globex/report`);
    await page.getByRole('heading', { name: 'globex' }).waitFor();
    await page.locator('#meters').waitFor();
    expect((await rowsIn(page, '#meters')).map(({ Meter }) => Meter)).toEqual([
      'Input',
      'Cached input',
      'Output',
    ]);
    expect(await page.getByRole('columnheader', { name: 'Other meters' }).count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it('an event is explained by its meters, the tier that served it, and what nothing reads or charges', async () => {
    const { page, close } = await world.openReport('?top=all');
    await page.locator('#usage').getByRole('link', { name: CLAUDE }).first().click();
    await eventsOf(page, 40);
    expect((await page.locator(`${events} .badge`).allTextContents()).toSorted()).toEqual([
      'no price yet: page',
      ...Array<string>(4).fill('priority tier'),
      'unread: server_tool_use.web_fetch_requests',
    ]);
    const row = page.locator('tr', { hasText: 'priority tier' }).first();
    const cost = /\$(\S+) exactly/.exec((await row.locator('.amount').first().getAttribute('title'))!)![1]!;
    await row.locator('th a').click();
    await page.getByRole('heading', { name: 'Quantity × unit price' }).waitFor();
    const lines = await rowsIn(page, '[aria-labelledby="quantities-title"]');
    expect(lines[0]).toMatchObject({ Meter: 'Input', 'Unit price': '$4.50 per 1M' });
    expect(lines.find(({ Meter }) => Meter === 'Web search')).toMatchObject({
      Quantity: '2',
      'Unit price': '$0.015',
    });
    expect(sumUsd(lines.map(({ Cost = '' }) => Cost))).toBe(cost);
    for (const [name, value] of [
      ['Service tier', /^priority$/],
      ['Price version', /^\d+$/],
      ['Rate', /^\d+$/],
    ] as const)
      expect(
        await page
          .locator('.fact', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) })
          .locator('dd')
          .textContent(),
      ).toMatch(value);
    await close();
  });
});
