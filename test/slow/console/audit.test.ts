/** The audit log and its filters, in a real Chromium against the whole app. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard } from '../../support/browser.js';
import { csvRows, savedBy } from '../../support/console-tables.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';

let world: ConsoleWorld;

describeDashboard(() => {
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  it('says who changed a cap, from what to what, and so does its file', async () => {
    await world.app.limit('acme', { monthly_cap_usd: '120' });
    const { page, close } = await world.open('/audit?action=limits.change&entity=acme');
    const table = page.getByRole('table', { name: 'Audit log' });
    await table.waitFor();
    expect(await table.innerText()).toMatch(/Monthly cap: \$100 → \$120/);
    const [row] = csvRows((await savedBy(page, 'button:has-text("CSV")')).text);
    expect(row).toMatchObject({
      'What was done': 'Limits changed',
      'What changed': 'Monthly cap: $100 → $120',
      Customer: 'acme',
    });
    await table.getByRole('link').first().click();
    await page.getByRole('table', { name: 'Before and after' }).waitFor();
    await page.goto(`${world.app.url}/dashboard/customers/acme`);
    const changes = page.getByRole('table', { name: 'Changes' });
    await changes.getByText('Bought $40.00 of credits').waitFor();
    expect(await changes.innerText()).not.toMatch(/_usd|_picos/);
    await close();
  });

  it('a day is written year first in every language, and what is none is named and filters nothing', async () => {
    const { page, close } = await world.open('/audit');
    await page.getByRole('table', { name: 'Audit log' }).waitFor();
    const from = page.getByLabel('From (UTC)');
    await from.fill('11/22/2026');
    await from.press('Tab');
    await page.getByText('Write the day as 2026-11-29').waitFor();
    expect(page.url()).not.toContain('from=');
    await from.fill('2026-11-22');
    await page.waitForURL(/from=2026-11-22/);
    await from.press('Tab');
    await page.getByText('Write the day as 2026-11-29').waitFor({ state: 'detached' });
    await close();
  });
});
