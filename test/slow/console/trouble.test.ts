/** The console when the service fails, is slow or cannot be reached, when the books differ, and with names that are meant to break it. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard, type TestWindow } from '../../support/browser.js';
import { anEvent } from '../../support/builders.js';
import {
  aConsoleWorld,
  axeFindings,
  LOOKS,
  overflowOf,
  signIn,
  type ConsoleWorld,
} from '../../support/console-world.js';
import { recordUsage } from '../../support/usage.js';

/** A name that wraps takes a few lines, never one per letter. */
const ROW_PIXELS_MAX = 130;
/** On a phone a row is a block with a line or two for each column. */
const BLOCK_PIXELS_MAX = 360;

/** A model whose name would run as a script, or break a table, if it were ever taken for markup. */
const ODD_MODEL = `<img src=x onerror=alert(1)>"'=1+1${'-very-long'.repeat(12)}`;
const LONG_PROJECT = 'p'.repeat(128);
const REPORT = '/customers/odd/report';
const AUGUST = '**/activity?start_time=1785542400&end_time=1788220800';

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
    await world.app.call('PUT /v1/admin/entities/odd', { body: { plan: 'free' } });
    await world.app.call('POST /v1/admin/entities/odd/credits', { body: { amount_usd: '5' } });
    await recordUsage(world.app, [
      anEvent({ subject: 'odd/project1' }),
      anEvent({ subject: 'odd/project1', model: ODD_MODEL }),
      anEvent({ subject: `odd/${LONG_PROJECT}` }),
    ]);
  });
  afterAll(() => world.close());

  const settled = async (page: Page) => {
    await page.locator('main .card').first().waitFor();
    await page.waitForSelector('[aria-label="Loading"], .chart .loading', { state: 'detached' });
  };
  const open = async (
    address = REPORT,
    as: Parameters<ConsoleWorld['open']>[1] = {},
  ): Promise<TestWindow> => {
    const window = await world.open(address, as);
    await settled(window.page);
    return window;
  };
  const refresh = (page: Page) => page.getByRole('button', { name: 'Refresh' }).click();
  const problem = (page: Page) => page.locator('main .problem');
  /** Until `let go` is called, answers of the path do not come. */
  const hold = async (page: Page, path: string, times: number) => {
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const wait = async (route: { continue: () => Promise<void> }) => {
      await held;
      await route.continue();
    };
    await page.route(path, wait, { times });
    return letGo;
  };

  it('a failing service is reported in its words beside what was loaded before, and can be asked again', async () => {
    const { page, close } = await open();
    await page.route('**/activity*', (route) =>
      route.fulfill({ status: 503, body: '{"error":{"message":"Busy"}}' }),
    );
    await refresh(page);
    await problem(page).getByText('Busy. Below is what was loaded before.').waitFor();
    expect(await page.locator('#tile-charged').isVisible()).toBe(true);
    await page.unroute('**/activity*');
    await page.route('**/activity*', (route) => route.abort());
    await problem(page).getByRole('button', { name: 'Try again' }).click();
    await problem(page).getByText('The server cannot be reached.').waitFor();
    expect(await page.locator('#tile-charged').isVisible()).toBe(true);
    await page.unroute('**/activity*');
    await problem(page).getByRole('button', { name: 'Try again' }).click();
    await problem(page).waitFor({ state: 'detached' });
    await close();
  });

  it('an answer that is no JSON is named by its status, and nothing is shown in its place', async () => {
    const { page, close } = await open('/customers');
    await page.route('**/v1/entities/odd/balance', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' }),
    );
    await page.getByRole('link', { name: 'odd', exact: true }).click();
    await page.getByText('The server answered 502.').first().waitFor();
    expect(await page.getByText('Bad gateway').count()).toBe(0);
    await close();
  });

  it('while the service takes its time the page says that it loads, and stays usable', async () => {
    const { page, complaints, close } = await open('/customers');
    const letGo = await hold(page, '**/v1/admin/audit_log*', 1);
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    expect(await page.getByRole('link', { name: 'Customers', exact: true }).isVisible()).toBe(true);
    letGo();
    await page.getByRole('table', { name: 'Audit log' }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('without a network the page says so and keeps what it has, and goes on by itself with one', async () => {
    const { page, close } = await open();
    await page.context().setOffline(true);
    await refresh(page);
    await problem(page).getByText('The server cannot be reached. Below is what was loaded before.').waitFor();
    await page.context().setOffline(false);
    await problem(page).waitFor({ state: 'detached' });
    expect(await page.locator('#tile-charged').isVisible()).toBe(true);
    await close();
  });

  it('when an upgrade has removed a file of a page, the console is loaded again', async () => {
    const { page, close } = await open('/customers');
    await page.route('**/assets/audit-*.js', (route) => route.fulfill({ status: 404, body: '' }), {
      times: 1,
    });
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('table', { name: 'Audit log' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/audit');
    await close();
  });

  it('a late answer never replaces that of a later request', async () => {
    const { page, complaints, close } = await open();
    const letGo = await hold(page, AUGUST, 1);
    await page.getByLabel('Month (UTC)').selectOption('2026-08');
    await page.getByRole('status', { name: 'Loading' }).waitFor();
    await page.goBack();
    await page.locator('#tile-charged h2', { hasText: 'Month to date' }).waitFor();
    const late = page.waitForResponse(AUGUST);
    letGo();
    await (await late).finished();
    expect(await page.textContent('#tile-charged')).toContain('Month to date');
    await page.goForward();
    await page.locator('#tile-charged h2', { hasText: 'August 2026' }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('says so when the books do not agree', async () => {
    const change =
      "update project_spend set cost_picos = cost_picos + $1 where entity = 'odd' and project = 'project1'";
    await world.app.postgres.pool.query(change, [1]);
    const { page, close } = await open();
    await world.app.postgres.pool.query(change, [-1]);
    expect(await page.textContent('#books')).toMatch(
      /^✗ The books do not agree: ask an admin to reconcile\./,
    );
    await close();
  });

  it('a statement that the books do not allow is refused by the amount, and leads to the books', async () => {
    const change =
      "update entity_spend set cost_picos = cost_picos + $1, overage_picos = overage_picos + $1 where entity = 'odd'";
    await world.app.postgres.pool.query(change, [7_000_000_000]);
    const { page, close } = await world.open('/customers/odd/statements/2026-11');
    await problem(page)
      .getByText('The books disagree by $0.007: the sum of the charges of odd in 2026-11 is')
      .waitFor();
    await world.app.postgres.pool.query(change, [-7_000_000_000]);
    await problem(page).getByRole('link', { name: 'Books' }).click();
    await page.getByRole('heading', { name: 'Books', level: 1 }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/operations/books');
    await close();
  });

  it('a key that is refused is not kept, and the field has the focus for the next', async () => {
    const { page, close } = await world.visit('/');
    await page.getByLabel('API key').fill('sk-nobody');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This key is not valid').waitFor();
    expect(await page.getByLabel('API key').inputValue()).toBe('');
    expect(await page.evaluate('document.activeElement.id')).toBe('key');
    expect(await page.evaluate('[sessionStorage.length, localStorage.length, document.cookie]')).toEqual([
      0,
      0,
      '',
    ]);
    await signIn(page, world.app.adminKey);
    await close();
  });

  it('a name is shown as text, whatever it contains', async () => {
    const { page, complaints, close } = await open();
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.textContent('[data-badge="unpriced"]')).toContain('<img src=x');
    await page.locator('#usage').getByRole('link', { name: '<img src=x' }).click();
    await page.getByRole('button', { name: /^Remove the filter Model: <img src=x/ }).waitFor();
    await page.locator('tbody th a').first().click();
    await page.getByRole('heading', { name: 'Quantity × unit price' }).waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it.each(LOOKS)(
    '$theme and $width: the report is no wider than its window, whatever its models and projects are called',
    async ({ theme, width, size }) => {
      const { page, complaints, close } = await open(`${REPORT}?top=all`, { theme, size });
      await page.getByText('Usage by day as a table').click();
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      const row = page.locator('#usage tbody tr', { hasText: 'project1' }).filter({ hasNotText: 'img' });
      expect((await row.boundingBox())!.height).toBeLessThan(
        width === 'phone' ? BLOCK_PIXELS_MAX : ROW_PIXELS_MAX,
      );
      // Nothing is scrolled half below the head, where axe takes a button for a small one.
      await page.evaluate('scrollTo(0, 0)');
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
      await close();
    },
  );
});
