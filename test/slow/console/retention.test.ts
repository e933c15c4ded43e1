/** What is kept for how long, on the page. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../../support/app.js';
import { aBrowser, describeDashboard, type TestBrowser } from '../../support/browser.js';

describeDashboard(inBrowser);

function inBrowser(): void {
  let app: TestApp;
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await aBrowser();
    app = await anApp();
    await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });

  const openWith = async (key: string) => {
    const window = await browser.open();
    const { page } = window;
    await page.goto(`${app.url}/dashboard/old-report?entity=acme`);
    await page.fill('#key', key);
    await page.keyboard.press('Enter');
    await page.click('#retention summary');
    await page.waitForSelector('#retention-note:text-matches("Changed by|needs a key")');
    return window;
  };

  it('shows admins every kind of data, for how long it is kept and what happens then', async () => {
    const window = await openWith(app.adminKey);
    const rows = await window.page.locator('#retention-table tbody tr').allTextContents();
    const { kinds } = (await app.call('GET /v1/admin/settings/retention')).body;
    expect(rows).toEqual(
      kinds.map((kind: Record<string, string | number | null>) => {
        const { what, kept, afterwards, setting, min_months: least, max_months: most } = kind;
        return [what, kept, afterwards, setting === null ? 'none' : `${setting}, ${least} to ${most}`].join(
          '',
        );
      }),
    );
    await window.close();
    expect(window.complaints).toEqual([]);
  });

  it('tells others that they may not see it', async () => {
    const window = await openWith(await app.key('finance', 'acme'));
    expect(await window.page.textContent('#retention-note')).toBe('This needs a key with the role admin.');
    expect(await window.page.locator('#retention-table tr').count()).toBe(0);
    await window.close();
  });
}
