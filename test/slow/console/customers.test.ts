/** The list of customers: who needs somebody, found, sorted and saved, also among ten thousand. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard, PHONE } from '../../support/browser.js';
import {
  aConsoleWorld,
  axeFindings,
  LONGEST_NAME,
  LOOKS,
  overflowOf,
  type ConsoleWorld,
} from '../../support/console-world.js';
import { until } from '../../support/until.js';

const MANY = 10_000;
/** Of the rows that are drawn at a time, however many there are. */
const DRAWN_MAX = 120;

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  const rowOf = (page: Page, entity: string) =>
    page.getByRole('row').filter({ has: page.getByRole('link', { name: entity, exact: true }) });
  const cutPixels = (page: Page) =>
    page
      .getByRole('group', { name: 'Customers', exact: true })
      .evaluate((one: { scrollWidth: number; clientWidth: number }) => one.scrollWidth - one.clientWidth);
  const names = (page: Page) => page.locator('tbody th a').allTextContents();

  it('begins with who runs out first, and shows as refused who is refused', async () => {
    const { page, complaints, close } = await world.open('/customers');
    await rowOf(page, 'acme').waitFor();
    expect((await names(page)).slice(0, 2)).toEqual(['broke', 'acme']);
    await page.getByText('2 of those below have run out or run out within seven days').waitFor();
    expect(await rowOf(page, 'broke').textContent()).toContain('Out now');
    expect(await rowOf(page, 'capped').textContent()).toContain('Refused: cap reached');
    expect(await rowOf(page, 'broke').textContent()).toContain('Refused: out of credits');
    expect(await rowOf(page, 'owing').textContent()).toContain('In overage');
    expect(await rowOf(page, 'well').textContent()).not.toMatch(/Refused|overage/);
    expect(await page.locator('tr[data-tone="bad"]').count()).toBe(2);
    expect(complaints).toEqual([]);
    await close();
  });

  it('searches, filters and sorts in the address, and the back button and a reload keep it', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByLabel('Search by name').fill('c');
    await until('the search is in the address', () => page.url().endsWith('search=c'));
    await until('it is found', async () => (await names(page)).join() === 'acme,capped');
    await page.getByLabel('State').selectOption('cap_reached');
    await until('it is filtered', async () => (await names(page)).join() === 'capped');
    await page.reload();
    await until('it stays', async () => (await names(page)).join() === 'capped');
    expect(await page.getByLabel('Search by name').inputValue()).toBe('c');
    await page.goto(`${world.app.url}/dashboard/customers`);
    await page.getByRole('button', { name: 'Credits left' }).click();
    await until('it is sorted', async () => (await names(page)).slice(0, 2).join() === 'well,capped');
    expect(await page.getByRole('columnheader', { name: 'Credits left' }).getAttribute('aria-sort')).toBe(
      'descending',
    );
    await page.getByLabel('Plan').selectOption('free');
    await until('it is filtered by plan', async () => (await names(page)).join() === 'capped,broke');
    await page.getByLabel('Search by name').fill('nobody');
    await page.getByText('No customer matches the filter').waitFor();
    await close();
  });

  it('sorts by what requests hold, what was refused and the forecast, and sums every column of amounts', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('button', { name: 'Refused in a day' }).click();
    await until('it is sorted', async () => (await names(page)).slice(0, 2).join() === 'capped,broke');
    await page.getByRole('button', { name: 'Held' }).click();
    await until('it is in the address', () => page.url().endsWith('sort=-held_usd'));
    const total = page.getByRole('row').filter({ hasText: 'Total' });
    expect(await total.textContent()).toMatch(/^Total\$53\.00\+\$53\.00\$5,497\.00\$0\.003/);
    await close();
  });

  it.each([1024, 1280])(
    'at %i pixels every column is in sight without scrolling to the side',
    async (width) => {
      const { page, close } = await world.open('/customers', { size: { width, height: 900 } });
      await rowOf(page, 'acme').waitFor();
      expect(await cutPixels(page)).toBe(0);
      await close();
    },
  );

  it('on a phone each row is a block with every value beside the name of its column', async () => {
    const { page, close } = await world.open('/customers', { size: PHONE });
    await rowOf(page, 'capped').waitFor();
    expect(await cutPixels(page)).toBe(0);
    expect(await page.locator('td[data-label="Refused in a day"]').first().isVisible()).toBe(true);
    await page.getByLabel('Sort by').selectOption('-credits_usd');
    await until('it is sorted', async () => (await names(page))[0] === 'well');
    await close();
  });

  it('saves what the filter admits, exactly, with the state in words', async () => {
    const { page, close } = await world.open('/customers?state=out_of_credits');
    await rowOf(page, 'broke').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    const [head = '', ...rows] = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(head.split(',').slice(0, 4)).toEqual(['entity', 'state', 'plan', 'month_to_date_usd']);
    expect(rows.map((row) => row.split(',').slice(0, 3))).toEqual([['broke', 'out_of_credits', 'free']]);
    const { body } = await world.app.call('GET /v1/entities/broke');
    expect(rows[0]).toContain(`,${body.month_to_date_usd},`);
    await close();
  });

  it('opens a customer with the keyboard alone, whatever its name', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('link', { name: LONGEST_NAME }).press('Enter');
    await page.getByRole('heading', { name: LONGEST_NAME, level: 1 }).waitFor();
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await close();
  });

  it('a finance key of all customers sees the list, and is offered no act', async () => {
    const { page, close } = await world.open('/', { key: await world.app.key('finance') });
    await rowOf(page, 'acme').waitFor();
    expect(await page.getByLabel('Plan').count()).toBe(0);
    await close();
  });

  it.each(LOOKS)(
    '$theme and $width: axe finds nothing, and the page is no wider than its window',
    async ({ theme, size }) => {
      const { page, complaints, close } = await world.open('/customers', { theme, size });
      await rowOf(page, 'acme').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      await close();
    },
  );

  it('of ten thousand customers only those in sight are drawn, and all can be reached', async () => {
    await world.app.postgres.pool.query(
      `insert into entities (name, plan, created_at)
        select 'many-' || lpad(n::text, 5, '0'), 'free', '2026-11-01' from generate_series(1, $1::integer) n`,
      [MANY],
    );
    const { page, close } = await world.open('/customers?sort=entity&search=many');
    await page.getByText('10,000', { exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'many-00001' }).waitFor();
    const list = page.getByRole('group', { name: 'Customers', exact: true });
    for (let pages = 0; pages < 5; pages += 1)
      await until('more rows have come', async () => {
        const before = await list.evaluate((one: { scrollHeight: number }) => one.scrollHeight);
        await list.evaluate((one: { scrollTop: number; scrollHeight: number }) => {
          one.scrollTop = one.scrollHeight;
        });
        return before > (pages + 1) * 4_000;
      });
    expect(await page.locator('tbody tr').count()).toBeLessThan(DRAWN_MAX);
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe(String(MANY + 1));
    await page.getByLabel('Search by name').fill('many-09999');
    await page.getByRole('link', { name: 'many-09999' }).waitFor();
    await close();
  });
});
