/** Tables on a screen of 1,024 pixels: those with the most columns, and usage by two names; and what the books differ in, on a phone. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDashboard, PHONE } from '../../support/browser.js';
import { anEvent, LLAMA } from '../../support/builders.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';
import { recordUsage } from '../../support/usage.js';

const SIZE = { width: 1024, height: 900 };
/** The tables that are wider than their cards, with the pixels that are out of sight. */
const SIDEWAYS = `[...document.querySelectorAll('.scroll')]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.getAttribute('aria-label') + ' ' + (one.scrollWidth - one.clientWidth))`;

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
    await recordUsage(world.app, [
      anEvent({
        subject: 'well/chat',
        quantities: { input: 1_234_567, search: 1_234, cache_write: 234_567 },
      }),
    ]);
  });
  afterAll(() => world.close());

  it.each([
    ['/customers/acme/usage?by=model&and=project', 'Groups of usage'],
    ['/customers/well/usage?by=model&and=project', 'Groups of usage'],
    ['/customers/acme/report', 'Projects and models'],
    ['/customers/acme/statements', 'Statements'],
    ['/customers/acme/events', 'Events'],
    ['/keys', 'Keys'],
    ['/audit', 'Audit log'],
    ['/prices', 'Prices'],
    [`/prices/model?model=${LLAMA}`, 'Versions'],
  ])('of %s every column is in sight without scrolling to the side', async (address, table) => {
    const { page, close } = await world.open(address, { size: SIZE });
    await page.getByRole('table', { name: table }).first().waitFor();
    await page.waitForSelector('[aria-label="Loading"], .chart .loading', { state: 'detached' });
    expect(await page.evaluate(SIDEWAYS)).toEqual([]);
    await close();
  });

  it('on a phone what the books differ in is in sight too', async () => {
    const { app } = world;
    await app.postgres.pool.query(
      "update entity_spend set cost_picos = cost_picos + 7, overage_picos = overage_picos + 7 where entity = 'acme'",
    );
    await app.call('GET /v1/admin/reconciliation');
    const { page, close } = await world.open('/operations/books', { size: PHONE });
    await page
      .getByRole('table', { name: 'Differences: spend of projects equals spend of entities' })
      .waitFor();
    expect(await page.evaluate(SIDEWAYS)).toEqual([]);
    expect(await page.getByText('entity acme, period 2026-11').first().isVisible()).toBe(true);
    await close();
  });
});
