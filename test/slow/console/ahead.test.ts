/** What a page asks for, and when: everything at once, nothing twice, and nothing that nobody looks at. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard } from '../../support/browser.js';
import { aFinanceWorld, type FinanceWorld } from '../../support/finance-world.js';
import { until } from '../../support/until.js';

describeDashboard(() => {
  let world: FinanceWorld;
  beforeAll(async () => {
    world = await aFinanceWorld();
  });
  afterAll(() => world.close());

  /** The paths that the page asks the API for, from now on. */
  const callsOf = (page: Page) => {
    const calls: string[] = [];
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname.startsWith('/v1/entities/acme'))
        calls.push(pathname.replace('/v1/entities/acme', '') + search);
    });
    return calls;
  };
  const namesOf = (calls: readonly string[]) =>
    calls.map((call) => call.replace(/\?.*/, '')).toSorted((a, b) => a.localeCompare(b));

  it('a report asks for everything at once, before its balance is there, and for nothing twice', async () => {
    const { page, close } = await world.open('/customers/acme/statements');
    let answer = () => {};
    await page.route('**/balance', async (route) => {
      await new Promise<void>((resolve) => (answer = resolve));
      await route.continue();
    });
    const calls = callsOf(page);
    await page.getByRole('link', { name: 'Costs' }).click();
    await until('all calls are on their way', () => calls.length >= 8);
    answer();
    await page.locator('#usage tbody tr').first().waitFor();
    expect(namesOf(calls)).toEqual([
      '',
      '/activity',
      '/activity',
      '/balance',
      '/denials',
      '/forecast',
      '/usage',
      '/usage',
    ]);
    await close();
  });

  it("a report is of the server's month where the browser's clock is wrong", async () => {
    const { page, close } = await world.open('/customers/acme/statements');
    await page.clock.setFixedTime('2026-09-03T10:00:00Z');
    await page.getByRole('link', { name: 'Costs' }).click();
    await page.locator('#tile-charged h2', { hasText: 'Month to date' }).waitFor();
    expect(await page.textContent('#as-of')).toContain('Data as of 2026-11-22 17:40 UTC');
    expect(await page.textContent('#books')).toContain('November 2026: charged');
    await close();
  });

  it('while a month loads another one can be chosen', async () => {
    const { page, close } = await world.open('/customers/acme/statements');
    let answer = () => {};
    const answers = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/activity?*', async (route) => {
      await answers;
      await route.continue();
    });
    await page.getByRole('link', { name: 'Costs' }).click();
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    await page.getByRole('button', { name: 'Previous month' }).click();
    await page.waitForURL((url) => url.search === '?month=2026-10');
    answer();
    await page.locator('#tile-charged h2', { hasText: 'Charged to October 2026' }).waitFor();
    expect(await page.getByLabel('Month (UTC)').inputValue()).toBe('2026-10');
    await close();
  });

  it('the explorer asks one question, and for the values of a filter when somebody chooses one', async () => {
    const { page, close } = await world.open('/customers/acme/statements');
    const calls = callsOf(page);
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.locator('main tbody th:visible').first().waitFor();
    expect(namesOf(calls)).toEqual(['/usage']);
    await page.getByLabel('Value of the filter').focus();
    await page.locator('datalist option').first().waitFor({ state: 'attached' });
    expect(namesOf(calls)).toEqual(['/usage', '/usage']);
    await close();
  });

  it('the explorer shows every group without a chart where its rows are too many for one answer', async () => {
    const { page, close } = await world.open('/customers/acme/statements');
    const error = { message: 'more rows than one answer has', param: 'end_time', code: 'invalid_request' };
    await page.route('**/usage?*bucket_width*', (route) => route.fulfill({ status: 400, json: { error } }));
    await page.getByRole('link', { name: 'Usage' }).click();
    await page.getByText('These are too many groups for a chart').waitFor();
    expect(await page.locator('main tbody th:visible').count()).toBeGreaterThan(0);
    await close();
  });
});
