/**
 * Takes pictures of the console over the demo books, as they would be today: `node --import ./test/support/typescript.js
 * test/support/dashboard-picture.ts FOLDER`, after `npm run build`. docs/dashboard.png is readme.png of them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { anApp } from './app.js';
import { aBrowser, PHONE, type Theme } from './browser.js';
import { signIn } from './console-world.js';
import { fillDemoBooks } from './demo-books.js';
import { startOwnServers } from './own-servers.js';
import { TestClock } from './test-clock.js';

/** Down to the end of the costs by day. */
const README_SIZE = { width: 1_440, height: 946 };
const WIDE = { width: 1_440, height: 900 };
const SCALE = 2;

const folder = process.argv[2] ?? '.data/pictures';
mkdirSync(folder, { recursive: true });
const stop = await startOwnServers();
const browser = await aBrowser();
const clock = new TestClock();
const app = await anApp({ clock });
await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
await app.call('PATCH /v1/admin/entities/acme/limits', { body: { monthly_cap_usd: '2400' } });
await fillDemoBooks({
  databaseUrl: app.postgres.url,
  redisUrl: app.redis.url,
  clock,
  until: new Date(),
  days: 84,
  eventsPerDay: 75,
  tokensTimes: 80,
});
try {
  await picture({ name: 'readme', address: 'report', size: README_SIZE, theme: 'light' });
  for (const theme of ['light', 'dark'] as const) {
    for (const [name, size] of Object.entries({ wide: WIDE, phone: PHONE }))
      for (const address of ['report', 'usage', 'events'])
        await picture({ name: `${address}-${name}-${theme}`, address, size, theme, isWhole: true });
  }
} finally {
  await browser.close();
  await app.close();
  stop();
}

async function picture(of: {
  name: string;
  address: string;
  size: typeof WIDE;
  theme: Theme;
  isWhole?: boolean;
}): Promise<void> {
  const { name, address, size, theme, isWhole = false } = of;
  const window = await browser.open({ size, theme, scale: SCALE });
  const { page } = window;
  await page.clock.setFixedTime(clock.now());
  await page.goto(`${app.url}/dashboard/customers/acme/${address}`);
  await signIn(page, app.adminKey);
  await page.locator('main .card').first().waitFor();
  await page.waitForSelector('[aria-label="Loading"], .chart .loading', { state: 'detached' });
  // Without the place that is kept for the scroll bar.
  const width = await page.evaluate<number>('document.documentElement.clientWidth');
  const clip = { x: 0, y: 0, width, height: size.height };
  await page.screenshot({
    path: join(folder, `${name}.png`),
    ...(isWhole ? { fullPage: true } : { clip }),
  });
  console.log(name, window.complaints);
  await window.close();
}
