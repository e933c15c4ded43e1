/** Tables on a screen of 1,024 pixels: those with the most columns, and usage by two names. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard } from '../../support/browser.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';

const SIZE = { width: 1024, height: 900 };
/** The tables that are wider than their cards, with the pixels that are out of sight. */
const SIDEWAYS = `[...document.querySelectorAll('.scroll')]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.getAttribute('aria-label') + ' ' + (one.scrollWidth - one.clientWidth))`;

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  it.each([
    ['/customers/acme/usage?by=model&and=project', 'Groups of usage'],
    ['/customers/acme/report', 'Projects and models'],
    ['/customers/acme/statements', 'Statements'],
    ['/customers/acme/events', 'Events'],
    ['/keys', 'Keys'],
    ['/audit', 'Audit log'],
    ['/prices', 'Prices'],
  ])('of %s every column is in sight without scrolling to the side', async (address, table) => {
    const { page, close } = await world.open(address, { size: SIZE });
    await page.getByRole('table', { name: table }).first().waitFor();
    await page.waitForSelector('[aria-label="Loading"], .chart .loading', { state: 'detached' });
    expect(await page.evaluate(SIDEWAYS)).toEqual([]);
    await close();
  });
});
