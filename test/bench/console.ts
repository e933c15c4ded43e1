/**
 * `npm run bench -- console`: what the console costs a browser. Times of one machine swing with its load; processor time of the page's
 * main thread does less.
 */
import { existsSync } from 'node:fs';
import type { CDPSession, Page } from 'playwright-core';
import { anApp, type TestApp } from '../support/app.js';
import { aBrowser } from '../support/browser.js';
import { signIn } from '../support/console-world.js';
import { fillDemoBooks } from '../support/demo-books.js';
import { firstViewFor } from '../support/first-view.js';
import { addManyCustomers, addManyUsers } from '../support/many-rows.js';
import { startOwnServers } from '../support/own-servers.js';
import { TestClock } from '../support/test-clock.js';
import { median } from './median.js';
import { printTable } from './table.js';

const CUSTOMERS = 10_000;
const USERS = 5_000;
const ROUNDS = 5;
const FRAMES = 120;
const FRAME_STEP_PIXELS = 400;
const PICTURE_FRAME_MS = 1_000 / 60;
const UNTIL = new Date('2026-11-22T17:40:00Z');

type View = { readonly page: string; readonly address: string; readonly usable: string };

const VIEWS: readonly View[] = [
  { page: 'customers, 10,000 of them', address: '/customers', usable: 'main tbody th:visible' },
  { page: 'one customer', address: '/customers/acme', usable: 'main .tile' },
  { page: 'report', address: '/customers/acme/report', usable: '#usage tbody tr' },
  {
    page: 'usage, 5,000 rows',
    address: '/customers/acme/usage?by=user&top=all',
    usable: 'main tbody th:visible',
  },
];

export async function benchConsole(): Promise<void> {
  if (!existsSync('packages/console/dist/index.html')) throw new Error('Run npm run build first');
  const stop = await startOwnServers();
  const browser = await aBrowser();
  const clock = new TestClock();
  const app = await anApp({ clock });
  try {
    await fill(app, clock);
    const { page } = await browser.open();
    await page.clock.setFixedTime(clock.now());
    await page.goto(`${app.url}/dashboard/customers`);
    await signIn(page, app.adminKey);
    const client = await page.context().newCDPSession(page);
    await client.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' }).catch(() => {});
    await client.send('Performance.enable');
    printTable('From the address to a usable page, files cached', await timesToUsable(app, page, client));
    printTable('The first view, nothing cached', [await firstView(app, page)]);
    printTable(`Scrolling, ${FRAMES} frames`, await scrolls(app, page, client));
  } finally {
    await browser.close();
    await app.close();
    stop();
  }
}

async function fill(app: TestApp, clock: TestClock): Promise<void> {
  await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'pro' } });
  const urls = { databaseUrl: app.postgres.url, redisUrl: app.redis.url };
  await fillDemoBooks({ ...urls, clock, until: UNTIL, days: 56, eventsPerDay: 40, tokensTimes: 80 });
  await addManyUsers(app, 'acme', USERS);
  await addManyCustomers(app, CUSTOMERS);
}

async function open(app: TestApp, page: Page, { address, usable }: View): Promise<number> {
  const start = performance.now();
  await page.goto(`${app.url}/dashboard${address}`, { waitUntil: 'commit' });
  await page.locator(usable).first().waitFor();
  return performance.now() - start;
}

async function timesToUsable(app: TestApp, page: Page, client: CDPSession) {
  const rows = [];
  for (const view of VIEWS) {
    await open(app, page, view);
    const [wall, cpu]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.goto('about:blank');
      const before = await busyMs(client);
      wall.push(await open(app, page, view));
      cpu.push((await busyMs(client)) - before);
    }
    rows.push({ page: view.page, 'ms, median': median(wall), 'main thread, ms': median(cpu) });
  }
  return rows;
}

/** Of the page's main thread. A new document begins at 0. */
async function busyMs(client: CDPSession): Promise<number> {
  const { metrics } = await client.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
}

async function firstView(app: TestApp, page: Page) {
  const { address, usable } = VIEWS[0]!;
  const { files, bytes, msUntilUsable } = await firstViewFor(page, {
    url: `${app.url}/dashboard${address}`,
    usable,
  });
  return { files, 'kB, compressed': bytes / 1_000, 'ms until usable': msUntilUsable };
}

async function scrolls(app: TestApp, page: Page, client: CDPSession) {
  const rows = [];
  for (const view of [VIEWS[0]!, VIEWS.at(-1)!]) {
    await open(app, page, view);
    const before = await busyMs(client);
    const frames = await scroll(page);
    const sorted = frames.toSorted((a, b) => a - b);
    rows.push({
      page: view.page,
      'ms a frame, median': median(frames),
      'ms a frame, p95': sorted[Math.floor(sorted.length * 0.95)] ?? 0,
      'main thread, ms a frame': ((await busyMs(client)) - before) / FRAMES,
      'rows drawn': await page.locator('tbody tr').count(),
      'frames above two of 60 Hz': frames.filter((ms) => ms > 2 * PICTURE_FRAME_MS).length,
    });
  }
  return rows;
}

/** Scrolls the longest list of the page by a screen's half in each frame, and returns how long each frame took. */
function scroll(page: Page): Promise<number[]> {
  return page.evaluate(`new Promise((resolve) => {
    const lists = [...document.querySelectorAll('.scroll')];
    const list = lists.sort((a, b) => b.scrollHeight - a.scrollHeight)[0];
    const frames = [];
    let last = performance.now();
    const next = () => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      list.scrollTop += ${FRAME_STEP_PIXELS};
      if (frames.length < ${FRAMES}) requestAnimationFrame(next);
      else resolve(frames);
    };
    requestAnimationFrame(next);
  })`);
}
