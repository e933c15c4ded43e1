/** A month's statement, explained to the event by its page alone: the sums are the same at each step. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard } from '../../support/browser.js';
import { exactIn, rowsIn, sumUsd } from '../../support/console-tables.js';
import { aFinanceWorld, type FinanceWorld } from '../../support/finance-world.js';
import { until } from '../../support/until.js';

describeDashboard(() => {
  let world: FinanceWorld;
  beforeAll(async () => {
    world = await aFinanceWorld();
  });
  afterAll(() => world.close());

  it('what the report says was charged is the usage of the statement, its line the total of its events, and an event its meters', async () => {
    const { page, complaints, close } = await world.open('/customers/acme/report?month=2026-10');
    await page.locator('#tile-charged').waitFor();
    const [charged = ''] = await exactIn(page, '#tile-charged .figure');
    const [used = '', late = '', sum = ''] = await exactIn(page, '#charged-and-used');
    expect([sum, sumUsd([sum, late])]).toEqual([charged, used]);
    await page.getByRole('link', { name: 'Statement', exact: true }).click();
    await page.locator('#tile-usage').waitFor();
    expect((await exactIn(page, '#tile-usage .figure'))[0]).toBe(charged);

    const line = page.locator('#charges tbody tr', { hasText: 'DeepSeek-R1' }).first();
    const [, quantity, , exact] = await line.locator('th, td').allTextContents();
    await line.getByRole('link').click();
    const events = page.getByRole('group', { name: 'Events' });
    await until('the last event is there', async () => {
      await events.evaluate((list: { scrollTop: number; scrollHeight: number }) => {
        list.scrollTop = list.scrollHeight;
      });
      return (await events.locator('tfoot').count()) > 0;
    });
    const total = await events.locator('tfoot td').allTextContents();
    expect(total).toEqual(expect.arrayContaining([quantity, exact]));

    await events.locator('tbody tr').last().getByRole('link').click();
    const meters = page.getByRole('group', { name: 'Quantities by meter' });
    await meters.waitFor();
    const costs = (await rowsIn(page, '[aria-label="Quantities by meter"]')).map(({ Cost = '' }) => Cost);
    expect((await exactIn(page, '[aria-label="Quantities by meter"] tfoot'))[0]).toBe(sumUsd(costs));
    expect(complaints).toEqual([]);
    await close();
  });
});
