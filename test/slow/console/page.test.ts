/** The dashboard in a real browser, over the demo books. CI installs the browser, so there it always runs. */
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { exactUsd, picosOf } from '../../../packages/console/old-report/money.js';
import { anApp, type Answer, type TestApp } from '../../support/app.js';
import { aBrowser, describeDashboard, type TestBrowser, type TestWindow } from '../../support/browser.js';
import { fillDemoBooks } from '../../support/demo-books.js';
import { TestClock } from '../../support/test-clock.js';

const UNTIL = new Date('2026-11-22T17:40:00Z');
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
    await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
    await app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: '2400' } });
    const urls = { databaseUrl: app.postgres.url, redisUrl: app.redis.url };
    await fillDemoBooks({ ...urls, clock, until: UNTIL, days: 84, eventsPerDay: 75, tokensTimes: 80 });
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

  const open = async (address = '', key = app.adminKey) => {
    await page.goto(`${app.url}/dashboard/old-report${address}`);
    await page.fill('#key', key);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#tile-spent, #empty:not([hidden])');
  };
  const get = async (path: string): Promise<Row> => (await app.call(`GET ${path}`)).body;
  const amount = (selector: string) => page.getAttribute(`${selector} data`, 'value');
  const text = async (selector: string) => (await page.textContent(selector))?.trim();
  const amounts = (selector: string) =>
    page.locator(selector).evaluateAll((cells) => cells.map((cell) => cell.getAttribute('value') ?? ''));
  const sum = (all: readonly string[]) => exactUsd(all.reduce((total, one) => total + picosOf(one), 0n));
  const saved = async (button: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
    return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
  };

  it("shows the API's numbers, to the last digit", async () => {
    await open('?entity=acme');
    const balance = await get('/v1/entities/acme/balance');
    expect(await amount('#tile-spent .figure')).toBe(balance.month_to_date_usd);
    expect(await amount('#tile-forecast .figure')).toBe(balance.forecast_usd);
    const { low_usd, high_usd } = await get('/v1/entities/acme/forecast');
    expect(await amounts('#tile-forecast .quiet data')).toEqual([low_usd, high_usd]);
    expect(await amount('#tile-credits .figure')).toBe(balance.credits_usd);
    expect(await amounts('#tile-cap .quiet data')).toEqual([balance.month_to_date_usd, '2400']);
    const usage = await get('/v1/entities/acme/usage');
    const shown = await page.locator('#usage-table tbody tr').evaluateAll((all) =>
      all.map((row) => {
        const numbers = [...row.querySelectorAll('[data-column] data')].map((cell) => [
          cell.closest('[data-column]')?.getAttribute('data-column'),
          cell.getAttribute('value'),
        ]);
        const project = row.querySelector('th')?.textContent;
        return { project, model: row.getAttribute('data-model'), ...Object.fromEntries(numbers) };
      }),
    );
    expect(shown.length).toBe(usage.data.length);
    for (const row of usage.data) {
      expect(shown).toContainEqual(
        expect.objectContaining({
          project: row.project,
          model: row.model,
          requests: String(row.requests),
          input: String(row.input_tokens),
          cached: String(row.cached_input_tokens),
          output: String(row.output_tokens),
          cost: row.cost_usd,
        }),
      );
    }
    expect(await amount('#usage-table tfoot [data-column="cost"]')).toBe(
      sum(usage.data.map((row: Row) => row.cost_usd)),
    );
    const grants = await get('/v1/admin/entities/acme/credits');
    expect(await amounts('#grants-table td:nth-child(4) data')).toEqual(
      grants.data.map((grant: Row) => grant.remaining_usd),
    );
  });

  it('says as of when it is, names late, unpriced and conflicting usage, and says that the books agree', async () => {
    await open('?entity=acme');
    expect(await text('#as-of')).toMatch(/^Data as of 2026-11-22 17:40 UTC · latest usage \d\d:\d\d UTC$/);
    expect(await text('[data-badge="late"]')).toMatch(/^7 late requests, \$/);
    expect(await text('[data-badge="unpriced"]')).toBe(
      '18 requests without a price: moonshotai/Kimi-K2-Instruct',
    );
    expect(await text('[data-badge="conflicts"]')).toBe('1 conflicting event');
    expect(await text('#books')).toMatch(/^✓ The books agree\. November 2026: charged \$/);
    const [charged = '', credits = '', overage = '', late = ''] = await amounts('#books data');
    expect(sum([credits, overage])).toBe(charged);
    const { marks } = await get('/v1/entities/acme/activity');
    expect(late).toBe(marks.late_usd);
    expect(await text('#grants-table .mark')).toMatch(/will expire unused$/);
  });

  it('forecasts no more than a cap allows, and says so', async () => {
    const cap = async (usd: string) =>
      app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: usd } });
    const { body } = await app.call('GET /v1/entities/acme/balance');
    expect(Number(body.forecast_usd)).toBeGreaterThan(Number(body.month_to_date_usd) + 1);
    const limit = exactUsd(picosOf(body.month_to_date_usd) + picosOf('1'));
    await cap(limit);
    await open('?entity=acme');
    expect(await amount('#tile-forecast .figure')).toBe(limit);
    expect(await text('#tile-forecast .quiet')).toMatch(/: the limits stop it there$/);
    await cap('2400');
    await page.click('#refresh');
    await page.waitForSelector('#tile-forecast:has-text("for all of November 2026")');
  });

  it('groups, measures and sorts as asked, with the same total', async () => {
    await open('?entity=acme');
    const daily = () => amounts('#daily-table td:last-child data');
    const before = sum(await daily());
    expect(await text('#legend li:last-child')).toMatch(/^Other \(6\)/);
    await page.click('text=By project');
    expect(sum(await daily())).toBe(before);
    expect(await page.locator('#legend li').count()).toBe(6);
    await page.click('text=Requests');
    expect(new URL(page.url()).search).toBe('?entity=acme&by=project&show=requests');
    const cells = await page.locator('#daily-table td:last-child').allTextContents();
    const { data } = await get('/v1/entities/acme/usage');
    const requests = data.reduce((total: number, row: Row) => total + row.requests, 0);
    expect(cells.reduce((total, cell) => total + Number(cell.replace(/\D/g, '')), 0)).toBe(requests);
    await page.click('[data-sort="output"]');
    expect(await page.getAttribute('th:has([data-sort="output"])', 'aria-sort')).toBe('descending');
    const outputs = (await amounts('#usage-table tbody [data-column="output"] data')).map(Number);
    expect(outputs).toEqual(outputs.toSorted((a, b) => b - a));
  });

  it('opens all events of a day, whose sum is its cost', async () => {
    await open('?entity=acme');
    await page.click('#daily summary');
    const cost = await page.getAttribute('tr:has([data-day="2026-11-19"]) td:last-child data', 'value');
    await page.click('[data-day="2026-11-19"]');
    const rows = page.locator('#events-table tbody tr');
    await rows.nth(49).waitFor();
    for (let shown = 50; await page.isVisible('#events-more'); shown += 50) {
      await page.click('#events-more');
      await page.waitForSelector(`#events-more[hidden], #events-table tr:nth-child(${shown + 50})`, {
        state: 'attached',
      });
    }
    expect(await rows.count()).toBeGreaterThan(50);
    expect(sum(await amounts('#events-table td:nth-child(4) data'))).toBe(cost);
    expect(page.url()).toContain('day=2026-11-19');
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.search.includes('day='));
    await page.goBack();
    await page.waitForSelector('#events[open]');
  });

  it('opens the events behind a row, with their marks', async () => {
    await open('?entity=acme');
    await page.click('[data-model="cw_moonshotai_Kimi-K2-Instruct"] .link');
    await page.locator('#events-table tbody tr').nth(17).waitFor();
    expect(await text('#events-title')).toBe(
      'lab, moonshotai/Kimi-K2-Instruct: events of November 2026 (UTC)',
    );
    expect(await page.locator('#events-table .mark').allTextContents()).toEqual(
      Array(18).fill('no price yet'),
    );
  });

  it('opens the events of the bar that is clicked', async () => {
    await open('?entity=acme');
    const box = (await page.locator('#daily-chart').boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height * 0.75);
    await page.waitForSelector('#events-table tbody tr');
    expect(await text('#events-title')).toMatch(/^Events of 1[3-6] Nov 2026 \(UTC\)$/);
  });

  it('downloads what it shows as CSV, FOCUS rows and a statement', async () => {
    await open('?entity=acme');
    const daily = await saved('#daily-csv');
    expect(daily.name).toBe('tally-acme-daily-2026-11-01-to-2026-12-01.csv');
    const lines = daily.text
      .trim()
      .split('\r\n')
      .map((line) => line.split(','));
    const { days } = await get(`/v1/entities/acme/activity?${NOVEMBER}`);
    expect(lines.slice(1).map((line) => line[7])).toEqual(days.map((row: Row) => row.cost_usd));
    const table = await saved('#table-csv');
    expect(table.text).toContain('average_usd_per_million_tokens,cost_usd');
    expect(table.text.trim().split('\r\n').length).toBe(
      1 + (await page.locator('#usage-table tbody tr').count()),
    );
    const focus = await saved('#focus-csv');
    expect([focus.name, focus.text.includes('BilledCost')]).toEqual(['focus-2026-11-acme.csv', true]);
    expect((await saved('#statement')).text).toContain('<!doctype html>');
  });

  it('changes months and ranges, keeps them in the address, and starts from the address', async () => {
    await open('?entity=acme');
    await page.click('#month-before');
    await page.waitForSelector('#tile-spent:has-text("Total of October 2026")');
    const { periods } = await get('/v1/entities/acme/activity?start_time=1790812800&end_time=1793491200');
    expect(await amount('#tile-spent .figure')).toBe(periods[0].charged_usd);
    await page.click('#range summary');
    await page.fill('#from', '2026-11-02');
    await page.fill('#to', '2026-11-01');
    await page.click('#apply-range');
    expect(await text('#range-error')).toBe('The last day lies before the first.');
    await page.fill('#to', '2026-11-08');
    await page.click('#apply-range');
    await page.waitForSelector('#tile-spent:has-text("Total of 2 Nov to 8 Nov 2026")');
    await page.reload();
    await page.waitForSelector('#tile-spent:has-text("Total of 2 Nov to 8 Nov 2026")');
    expect(await page.locator('#daily-table tbody tr').count()).toBe(7);
    await page.goBack();
    await page.waitForSelector('#tile-spent:has-text("Total of October 2026")');
  });

  it('an empty month says so and links to one with usage', async () => {
    await open('?entity=acme&month=2026-02');
    expect(await text('#empty')).toContain('acme used nothing in February 2026 (UTC).');
    expect(await page.isVisible('#daily')).toBe(false);
    await page.click('#empty button');
    await page.waitForSelector('#tile-spent:has-text("Month to date")');
    expect(await page.isVisible('#daily')).toBe(true);
  });

  it('a key for all entities switches between them, and a key for one sees only its own, whatever the address says', async () => {
    await open();
    expect(await page.locator('#entity option').allTextContents()).toEqual(['acme', 'globex']);
    await page.selectOption('#entity', 'globex');
    await page.waitForSelector('#entity-name:has-text("globex")', { state: 'attached' });
    const balance = await get('/v1/entities/globex/balance');
    expect(await amount('#tile-spent .figure')).toBe(balance.month_to_date_usd);
    expect(new URL(page.url()).searchParams.get('entity')).toBe('globex');
    await page.click('#sign-out');
    await open('?entity=acme', await app.key('finance', 'globex'));
    expect([await page.isVisible('#entity'), await text('#entity-name')]).toEqual([false, 'globex']);
    expect(await amount('#tile-spent .figure')).toBe(balance.month_to_date_usd);
  });

  it('an entity without any usage says what will appear', async () => {
    await app.call('PUT /v1/admin/entities/newcomer', { body: { plan: 'free' } });
    await open('', await app.key('finance', 'newcomer'));
    expect(await text('#empty')).toContain('It has never used anything');
  });

  it('keeps the key only in the tab, never in an address, and not after signing out', async () => {
    await open('?entity=acme');
    const kept = () => page.evaluate('[sessionStorage.length, localStorage.length, document.cookie]');
    expect(await kept()).toEqual([1, 0, '']);
    expect(page.url()).not.toContain(app.adminKey);
    await page.reload();
    await page.waitForSelector('#tile-spent');
    await page.click('#sign-out');
    expect(await kept()).toEqual([0, 0, '']);
    expect(await page.isVisible('#content')).toBe(false);
  });

  it('can be used by keyboard: past the controls, into a table, to a day and back', async () => {
    await open('?entity=acme');
    await page.reload();
    await page.waitForSelector('#tile-spent');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the numbers');
    await page.focus('#daily summary');
    await page.keyboard.press('Enter');
    await page.focus('[data-day="2026-11-20"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#events-table tbody tr');
    expect(await page.evaluate('document.activeElement.id')).toBe('events-close');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#events', { state: 'hidden' });
    await page.focus('[name="by"][value="model"]');
    await page.keyboard.press('ArrowRight');
    expect(page.url()).toContain('by=project');
    expect(await page.evaluate('document.activeElement.value')).toBe('project');
  });
}
