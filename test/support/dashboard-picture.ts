/**
 * Takes pictures of the dashboard over the demo books: `node --import ./test/support/typescript.js test/support/dashboard-picture.ts
 * FOLDER`. docs/dashboard.png is readme.png of them.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { anApp } from './app.js';
import { aBrowser, PHONE, WIDE } from './browser.js';
import { fillDemoBooks } from './demo-books.js';
import { TestClock } from './test-clock.js';

/** Down to the meters' end. */
const README_HEIGHT = 1_566;

const UNTIL = new Date('2026-11-22T17:40:00Z');

const folder = process.argv[2] ?? '.data/pictures';
mkdirSync(folder, { recursive: true });
const servers = fork(join(import.meta.dirname, 'servers.ts'));
const [message] = (await once(servers, 'message')) as [{ ready: unknown }];
process.env['TALLY_TEST_SERVERS'] = JSON.stringify(message.ready);
const browser = await aBrowser();
const clock = new TestClock();
const app = await anApp({ clock });
await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
await app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: '2400' } });
await fillDemoBooks({
  databaseUrl: app.postgres.url,
  redisUrl: app.redis.url,
  clock,
  until: UNTIL,
  days: 84,
  eventsPerDay: 300,
  tokensTimes: 24,
});
try {
  for (const theme of ['light', 'dark'] as const) {
    for (const [name, size] of Object.entries({ wide: WIDE, phone: PHONE })) await picture(name, size, theme);
  }
} finally {
  await browser.close();
  await app.close();
  servers.disconnect();
}

async function picture(name: string, size: typeof WIDE, theme: 'light' | 'dark'): Promise<void> {
  const window = await browser.open({ size, theme });
  const { page } = window;
  await page.goto(`${app.url}/dashboard/old-report?entity=acme`);
  await page.screenshot({ path: join(folder, `${name}-${theme}-sign-in.png`) });
  await page.fill('#key', app.adminKey);
  await page.click('#sign-in button');
  await page.waitForSelector('#tile-spent');
  await page.screenshot({ path: join(folder, `${name}-${theme}.png`), fullPage: true });
  if (name === 'wide' && theme === 'light') {
    const clip = { x: 0, y: 0, width: WIDE.width, height: README_HEIGHT };
    await page.screenshot({ path: join(folder, 'readme.png'), fullPage: true, clip });
  }
  await page.locator('#daily summary').click();
  await page.locator('[data-day="2026-11-21"]').click();
  await page.waitForSelector('#events-table tbody tr');
  await page.screenshot({ path: join(folder, `${name}-${theme}-events.png`) });
  await page.keyboard.press('Escape');
  await page.locator('[data-model="claude-sonnet-4-5"] .link').click();
  await page.waitForSelector('#events-table tbody tr');
  await page.locator('#events-table [aria-expanded]').first().click();
  await page.screenshot({ path: join(folder, `${name}-${theme}-meters.png`) });
  console.log(name, theme, window.complaints);
  await window.close();
}
