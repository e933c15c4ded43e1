/** What is kept for how long, on the page. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard } from '../../support/browser.js';
import { rowsIn } from '../../support/console-tables.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  it('an admin sees every kind of data, for how long it is kept and what happens then', async () => {
    const { page, complaints, close } = await world.open('/settings/retention');
    await page.getByRole('table', { name: 'Kinds of data' }).waitFor();
    const { kinds } = (await world.app.call('GET /v1/admin/settings/retention')).body;
    expect(await rowsIn(page, '[aria-label="Kinds of data"].scroll')).toEqual(
      kinds.map(({ what, kept, afterwards, setting }: Record<string, string | null>) => ({
        Data: what,
        Kept: kept,
        Afterwards: afterwards,
        Change: setting === null ? 'fixed' : 'Change…',
      })),
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it('a dialog to change it names how many months it may be', async () => {
    const { page, close } = await world.open('/settings/retention');
    const { kinds } = (await world.app.call('GET /v1/admin/settings/retention')).body;
    const {
      what,
      min_months: least,
      max_months: most,
    } = kinds.find(({ setting }: { setting: string | null }) => setting === 'events_months');
    await page.getByRole('row', { name: what }).getByRole('button', { name: 'Change…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Months').waitFor();
    expect(await dialog.textContent()).toContain(`${least} to ${most}; empty is for ever`);
    await close();
  });

  it('others read who may see it', async () => {
    const { page, close } = await world.open('/settings/retention', {
      key: await world.app.key('finance', 'acme'),
    });
    await page.getByText('The page can be seen by an admin.').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
    await close();
  });
});
