/** Thousands of groups of usage: only those in sight are drawn, and all can be reached, found and saved. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard } from '../../support/browser.js';
import { csvRows, savedBy } from '../../support/console-tables.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';
import { addManyUsers } from '../../support/many-rows.js';
import { until } from '../../support/until.js';

const USERS = 5_000;
/** Of the rows that are drawn at a time, however many there are. */
const DRAWN_MAX = 120;

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
    await addManyUsers(world.app, 'well', USERS);
  });
  afterAll(() => world.close());

  it('of five thousand groups of usage only those in sight are drawn, the last one is reached, and a file has all', async () => {
    const { page, complaints, close } = await world.open('/customers/well/usage?by=user&top=all');
    const heads = page.locator('main tbody th:visible');
    await heads.filter({ hasText: 'user-05000' }).waitFor();
    const list = page.locator('main .scroll:visible').last();
    // The least used comes last.
    await until('the last one is in sight', async () => {
      await list.evaluate((one: { scrollTop: number; scrollHeight: number }) => {
        one.scrollTop = one.scrollHeight;
      });
      return (await heads.filter({ hasText: 'user-00001' }).count()) > 0;
    });
    expect(await list.locator('tbody tr').count()).toBeLessThan(DRAWN_MAX);
    const { text } = await savedBy(page, 'button:has-text("CSV")');
    const users = csvRows(text).map(({ user }) => user);
    expect(users.filter((user) => user?.startsWith('user-')).length).toBe(USERS);
    expect(complaints).toEqual([]);
    await close();
  });
});
