/** Customers in every state, and a browser to look at them with. */
import type { Page } from 'playwright-core';
import axe from 'axe-core';
import { anApp, type TestApp } from './app.js';
import { aBrowser, PHONE, WIDE, type TestBrowser, type TestWindow, type Theme } from './browser.js';
import { anEvent, LLAMA } from './builders.js';
import { recordUsage } from './usage.js';
import { until } from './until.js';

/** As long as a name may be. */
export const LONGEST_NAME = `long-${'n'.repeat(123)}`;

export const LOOKS = (['light', 'dark'] as const).flatMap((theme) =>
  Object.entries({ wide: WIDE, phone: PHONE }).map(([width, size]) => ({ theme, width, size })),
);

export type ConsoleWorld = {
  readonly app: TestApp;
  /** A window that is signed in with the key, at an address such as `/customers`. The admin's key where it is left out. */
  open(address: string, as?: { key?: string; size?: typeof WIDE; theme?: Theme }): Promise<TestWindow>;
  /** A window at an address, signed in to nothing. */
  visit(address: string, as?: { size?: typeof WIDE; theme?: Theme }): Promise<TestWindow>;
  close(): Promise<void>;
};

export async function aConsoleWorld(environment: Record<string, string> = {}): Promise<ConsoleWorld> {
  const [app, browser] = await Promise.all([anApp({ environment }), aBrowser()]);
  await fill(app);
  const visit: ConsoleWorld['visit'] = async (address, look) => {
    const window = await browser.open(look);
    await atTheTimeOf(app, window.page);
    await window.page.goto(`${app.url}/dashboard${address}`);
    return window;
  };
  return {
    app,
    visit,
    async open(address, { key = app.adminKey, ...look } = {}) {
      const window = await visit(address, look);
      await signIn(window.page, key);
      return window;
    },
    async close() {
      await browser.close();
      await app.close();
    },
  };
}

export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** The page reads a clock for "in 3 days"; its timers go on. */
async function atTheTimeOf({ clock }: TestApp, page: Page): Promise<void> {
  await page.clock.setFixedTime(clock.now());
}

/** What axe finds against WCAG 2.2 AA, as `rule: element`. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`);
}

/** By how many pixels the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

export type { TestBrowser, TestWindow };

async function fill(app: TestApp): Promise<void> {
  const put = (entity: string, plan: string) =>
    app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan } });
  const credit = (entity: string, amount_usd: string) =>
    app.call(`POST /v1/admin/entities/${entity}/credits`, {
      body: { amount_usd, reference: `inv-${entity}` },
      headers: { 'idempotency-key': `credit-${entity}` },
    });
  // Each event costs a dollar.
  const spend = (subject: string, dollars: number, day = '22') =>
    anEvent({
      subject,
      quantities: { input: Math.round((dollars * 1_000_000) / 0.71), output: 0 },
      occurredAt: new Date(`2026-11-${day}T11:30:00Z`),
    });
  for (const entity of ['acme', 'well', LONGEST_NAME]) await put(entity, 'pro');
  for (const entity of ['broke', 'capped']) await put(entity, 'free');
  await put('owing', 'pro');
  await credit('acme', '40');
  await credit('well', '5000');
  await credit('broke', '3');
  await credit('capped', '500');
  await credit('owing', '2');
  await app.limit('capped', { monthly_cap_usd: '20' });
  await app.limit('acme', { monthly_cap_usd: '100' });
  await recordUsage(app, [
    spend('acme/search', 12, '20'),
    spend('acme/chat', 9),
    spend('well/chat', 1),
    spend('broke/chat', 4),
    spend('capped/chat', 21),
    spend('owing/chat', 5),
    spend(`${LONGEST_NAME}/${'p'.repeat(128)}`, 1),
  ]);
  const gateway = await app.key('gateway');
  for (const project of ['capped/chat', 'broke/chat', 'capped/chat'])
    await app.call('POST /v1/quota/reservations', { key: gateway, body: { project, model: LLAMA } });
  // Denials are counted a second later, together.
  await until('the denials are counted', async () => {
    const { body } = await app.call('GET /v1/entities/capped');
    return body.denied_requests === 2;
  });
}
