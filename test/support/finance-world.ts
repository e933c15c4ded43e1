/** Six weeks of a company's usage, and a browser whose clock is the books', to look at the pages of finance with. */
import { anApp, type Answer, type TestApp } from './app.js';
import { aBrowser, WIDE, type TestWindow, type Theme } from './browser.js';
import { signIn } from './console-world.js';
import { fillDemoBooks } from './demo-books.js';
import { TestClock } from './test-clock.js';

export type FinanceWorld = {
  readonly app: TestApp;
  /** A window that is signed in with the key, at an address such as `/customers/acme/report`. The admin's key where it is left out. */
  open(address: string, as?: { key?: string; size?: typeof WIDE; theme?: Theme }): Promise<TestWindow>;
  /** The same of a customer's report, once it is there; `query` such as `?top=all`. */
  openReport(query?: string, entity?: string): Promise<TestWindow>;
  /** The API's answer to the admin. */
  get(path: string): Promise<Answer['body']>;
  close(): Promise<void>;
};

const UNTIL = new Date('2026-11-22T17:40:00Z');

export async function aFinanceWorld(): Promise<FinanceWorld> {
  const clock = new TestClock();
  const [app, browser] = await Promise.all([anApp({ clock }), aBrowser()]);
  await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
  await app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: '2400' } });
  const urls = { databaseUrl: app.postgres.url, redisUrl: app.redis.url };
  await fillDemoBooks({ ...urls, clock, until: UNTIL, days: 56, eventsPerDay: 40, tokensTimes: 80 });
  const open: FinanceWorld['open'] = async (address, { key = app.adminKey, ...look } = {}) => {
    const window = await browser.open(look);
    await window.page.clock.setFixedTime(clock.now());
    await window.page.goto(`${app.url}/dashboard${address}`);
    await signIn(window.page, key);
    return window;
  };
  return {
    app,
    open,
    async openReport(query = '', entity = 'acme') {
      const window = await open(`/customers/${entity}/report${query}`);
      await window.page.locator('#tile-charged').waitFor();
      return window;
    },
    get: async (path) => (await app.call(`GET ${path}`)).body,
    async close() {
      await browser.close();
      await app.close();
    },
  };
}
