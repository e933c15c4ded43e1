/** What the dashboard shows by meter, in a real browser, over the demo books. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { exactUsd, picosOf } from '../../../packages/console/old-report/money.js';
import { anApp, type Answer, type TestApp } from '../../support/app.js';
import { aBrowser, describeDashboard, type TestBrowser, type TestWindow } from '../../support/browser.js';
import { fillDemoBooks } from '../../support/demo-books.js';
import { TestClock } from '../../support/test-clock.js';

const NOVEMBER = 'start_time=1793491200&end_time=1796083200';

type Row = Answer['body'];

describeDashboard(inBrowser);

function inBrowser(): void {
  let app: TestApp;
  let browser: TestBrowser;
  let window: TestWindow;
  let page: Page;
  beforeAll(async () => {
    browser = await aBrowser();
    const clock = new TestClock();
    app = await anApp({ clock });
    const urls = { databaseUrl: app.postgres.url, redisUrl: app.redis.url };
    const until = new Date('2026-11-22T17:40:00Z');
    await fillDemoBooks({ ...urls, clock, until, days: 15, eventsPerDay: 30 });
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });
  beforeEach(async () => {
    window = await browser.open();
    page = window.page;
  });
  afterEach(async () => {
    await window.close();
    expect(window.complaints).toEqual([]);
  });

  const open = async (address: string) => {
    await page.goto(`${app.url}/dashboard/old-report${address}`);
    await page.fill('#key', app.adminKey);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#tile-spent');
  };
  const get = async (path: string): Promise<Row> => (await app.call(`GET ${path}`)).body;
  const amount = (selector: string) => page.getAttribute(`${selector} data`, 'value');
  const text = async (selector: string) => (await page.textContent(selector))?.trim();
  const amounts = (selector: string) =>
    page.locator(selector).evaluateAll((cells) => cells.map((cell) => cell.getAttribute('value') ?? ''));
  const sum = (all: readonly string[]) => exactUsd(all.reduce((total, one) => total + picosOf(one), 0n));

  it('has a line for each meter that was used, and no others, which add up to the cost', async () => {
    await open('?entity=acme');
    const { data } = await get(`/v1/entities/acme/usage?${NOVEMBER}`);
    const used = new Set(data.flatMap((row: Row) => Object.keys(row.quantities)));
    const rows = page.locator('#meters-table tbody tr');
    const shown = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-meter')));
    expect(shown).toEqual(['input', 'cached_input', 'cache_write', 'output', 'reasoning', 'search', 'page']);
    expect(new Set(shown)).toEqual(used);
    const of = (meter: string, field: string): string[] =>
      data.flatMap((row: Row) => row[field][meter] ?? []).map(String);
    for (const meter of ['cached_input', 'search']) {
      const line = `#meters-table [data-meter="${meter}"] td`;
      const quantity = of(meter, 'quantities').reduce((total, each) => total + Number(each), 0);
      expect(await amount(`${line}:nth-child(2)`)).toBe(String(quantity));
      expect(await amount(`${line}:nth-child(5)`)).toBe(sum(of(meter, 'meter_costs_usd')));
    }
    expect(sum(await amounts('#meters-table tbody td:nth-child(5) data'))).toBe(
      await amount('#usage-table tfoot [data-column="cost"]'),
    );
    expect(await text('#meters-table [data-meter="page"] .mark')).toBe('no price yet');
    expect(await text('[data-badge="unpriced-meters"]')).toBe('No price yet: page of claude-sonnet-4-5');
    await page.selectOption('#entity', 'globex');
    await page.waitForSelector('#entity-name:has-text("globex")', { state: 'attached' });
    expect(await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-meter')))).toEqual([
      'input',
      'cached_input',
      'output',
    ]);
    expect(await page.locator('#usage-table [data-column="others"]').count()).toBe(0);
  });

  it('explains an event by its meters, the tier that served it, and what nothing reads or charges', async () => {
    await open('?entity=acme');
    await page.click('[data-model="claude-sonnet-4-5"] .link');
    await page.locator('#events-table tbody tr').nth(39).waitFor();
    const marks = await page.locator('#events-table .mark').allTextContents();
    expect(marks.toSorted()).toEqual([
      'no price yet: page',
      'not read: server_tool_use.web_fetch_requests',
      ...Array<string>(4).fill('priority tier'),
    ]);
    const row = page.locator('tr:has-text("priority tier")').first();
    await row.locator('[aria-expanded]').click();
    const explained = page.locator('.explained li, .explained p');
    const lines = await explained.allTextContents();
    expect(lines[0]).toMatch(/^Input: [\d,]+ × \$4\.5 per 1M = \$/);
    expect(lines.some((line) => line.startsWith('Web search: 2 × $0.015 = $'))).toBe(true);
    expect(lines).toContain('Service tier priority');
    expect(lines.at(-1)).toMatch(/^Price version \d+, rate \d+$/);
    expect(sum(await amounts('.explained li data:last-child'))).toBe(
      await row.locator('td:nth-child(4) data').getAttribute('value'),
    );
    await row.locator('[aria-expanded="true"]').click();
    expect(await explained.count()).toBe(0);
  });
}
