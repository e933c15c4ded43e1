/** The dashboard with bad keys and a failing server, its security policy, and its looks: both themes at both widths. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { anApp, type TestApp } from '../../support/app.js';
import {
  aBrowser,
  describeDashboard,
  PHONE,
  WIDE,
  type TestBrowser,
  type TestWindow,
} from '../../support/browser.js';
import { anEvent } from '../../support/builders.js';
import { until } from '../../support/until.js';
import { recordUsage } from '../../support/usage.js';

describeDashboard(inBrowser);

/** A name that wraps takes a few lines, never one per letter. */
const ROW_PIXELS_MAX = 110;

/** A model whose name would run as a script, or break a table, if it were ever taken for markup. */
const ODD_MODEL = `<img src=x onerror=alert(1)>"'=1+1${'-very-long'.repeat(12)}`;

function inBrowser(): void {
  let app: TestApp;
  let browser: TestBrowser;
  let window: TestWindow;
  let page: Page;
  beforeAll(async () => {
    [app, browser] = await Promise.all([anApp(), aBrowser()]);
    await recordUsage(app, [
      anEvent(),
      anEvent({ model: ODD_MODEL }),
      anEvent({ subject: `entity1/${'p'.repeat(128)}` }),
    ]);
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    await app.call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '5' } });
  });
  afterAll(async () => {
    await browser.close();
    await app.close();
  });
  const look = async (as: Parameters<TestBrowser['open']>[0] = {}) => {
    window = await browser.open(as);
    page = window.page;
  };
  beforeEach(() => look());
  afterEach(() => window.close());

  const open = async (key = app.adminKey) => {
    await page.goto(`${app.url}/dashboard/old-report`);
    await page.fill('#key', key);
    await page.click('#sign-in button');
  };

  it.each([
    ['sk-nobody', 'This key is not valid: it may be mistyped or revoked. Ask an admin for another.'],
    ['kéy', 'This key is not valid: it may be mistyped or revoked. Ask an admin for another.'],
    ['gateway', 'This key may not look at this: it needs the role finance or admin, for this entity.'],
  ])('the key %s is refused with a sentence, and not kept', async (name, message) => {
    await open(name === 'gateway' ? await app.key('gateway') : name);
    await page.waitForSelector('#sign-in-error:not(:empty)');
    expect(await page.textContent('#sign-in-error')).toBe(message);
    expect(await page.evaluate('[sessionStorage.length, document.activeElement.id]')).toEqual([0, 'key']);
    expect(await page.isVisible('#content')).toBe(false);
  });

  it('a key that is revoked while the page is open leads back to the sign-in form', async () => {
    const { body } = await app.call('POST /v1/admin/keys', {
      body: { name: 'k', role: 'finance', entity: 'entity1' },
    });
    await open(body.secret);
    await page.waitForSelector('#tile-spent');
    await app.call(`DELETE /v1/admin/keys/${body.id}`);
    await page.click('#refresh');
    await page.waitForSelector('#sign-in');
    expect(await page.textContent('#sign-in-error')).toContain('revoked');
    expect(await page.isVisible('#content')).toBe(false);
  });

  it('reports a failing server, keeps what was loaded, and can try again', async () => {
    await open();
    await page.waitForSelector('#tile-spent');
    await page.route('**/activity*', (route) =>
      route.fulfill({ status: 503, body: '{"error":{"message":"Busy"}}' }),
    );
    await page.click('#refresh');
    await page.waitForSelector('#problem:has-text("Busy What you see below is what was loaded before.")');
    await page.unroute('**/activity*');
    await page.route('**/balance', (route) => route.abort());
    await page.click('#problem button');
    await page.waitForSelector('#problem:has-text("The server cannot be reached.")');
    expect(await page.isVisible('#tile-spent')).toBe(true);
    await page.unroute('**/balance');
    await page.click('#problem button');
    await page.waitForSelector('#problem', { state: 'hidden' });
  });

  it('a late answer never replaces that of a later request', async () => {
    await open();
    await page.waitForSelector('#tile-spent');
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route(
      '**/balance',
      async (route) => {
        await held;
        await route.continue();
      },
      { times: 1 },
    );
    await page.click('#month-before');
    await page.selectOption('#month', '2026-09');
    await page.waitForSelector('#tile-spent:has-text("September 2026")');
    const late = page.waitForResponse('**/balance');
    answer();
    await (await late).finished();
    expect(await page.textContent('#tile-spent')).toContain('September 2026');
    expect(window.complaints).toEqual([]);
  });

  it('says so when the books do not agree', async () => {
    const change = "update project_spend set cost_picos = cost_picos + $1 where project = 'project1'";
    await app.postgres.pool.query(change, [1]);
    await open();
    await page.waitForSelector('#tile-spent');
    await app.postgres.pool.query(change, [-1]);
    expect(await page.textContent('#books')).toMatch(
      /^✗ The books do not agree: ask an admin to reconcile\./,
    );
  });

  it('a name is shown as text, whatever it contains', async () => {
    await open();
    await page.waitForSelector('#tile-spent');
    expect(await page.locator('#content img').count()).toBe(0);
    expect(await page.textContent('[data-badge="unpriced"]')).toContain('<img src=x');
    expect(window.complaints).toEqual([]);
  });

  it('its security policy blocks inline scripts, other hosts and frames', async () => {
    await page.goto(`${app.url}/dashboard`);
    await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
    })()`);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(await page.evaluate(`fetch('http://127.0.0.1:1/').then(() => 'went', () => 'stopped')`)).toBe(
      'stopped',
    );
    const stopped = () => window.complaints.filter((text) => text.includes('Content Security Policy'));
    await until('the browser says what it stopped', () => stopped().length > 1);
    const { headers } = await app.call('GET /dashboard', { key: null });
    const policy = headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    '..%2F..%2Fapp.module.ts',
    'nothing.js',
    '%00',
    'chart.cjs',
    'constructor',
    'package.json',
    'README.md',
  ])('serves only the report’s files: /dashboard/old-report/%s is a 404', async (file) => {
    const { status, body } = await app.call(`GET /dashboard/old-report/${file}`, { key: null });
    expect([status, body.error.code]).toEqual([404, 'not_found']);
  });

  const looks = (['light', 'dark'] as const).flatMap((theme) =>
    Object.entries({ wide: WIDE, phone: PHONE }).map(([width, size]) => ({ theme, width, size })),
  );

  it.each(looks)(
    '$theme at $width width: nothing is wider than the screen, and nothing complains',
    async ({ theme, size }) => {
      await window.close();
      await look({ theme, size });
      await open();
      await page.waitForSelector('#tile-spent');
      const row = page.locator('#usage-table tr:has(th:text-is("project1")):not(:has-text("img"))');
      expect((await row.boundingBox())!.height).toBeLessThan(ROW_PIXELS_MAX);
      await page.click('#daily summary');
      const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(await overflow()).toBeLessThanOrEqual(0);
      await page.click('#range summary');
      expect(await overflow()).toBeLessThanOrEqual(0);
      expect((await page.locator('.pop').boundingBox())!.x).toBeGreaterThanOrEqual(0);
      await page.click('#range summary');
      await page.locator('[data-day]').first().click();
      await page.waitForSelector('#events-table tbody tr');
      expect(await overflow()).toBeLessThanOrEqual(0);
      expect(window.complaints).toEqual([]);
    },
  );

  it('follows the system’s theme, and keeps a chosen one after a reload', async () => {
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await open();
    await page.waitForSelector('#tile-spent');
    const light = await paper();
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await paper();
    expect(dark).not.toBe(light);
    await page.selectOption('#theme', 'light');
    expect(await paper()).toBe(light);
    await page.reload();
    await page.waitForSelector('#tile-spent');
    expect([await paper(), await page.inputValue('#theme')]).toEqual([light, 'light']);
    expect(window.complaints).toEqual([]);
  });

  it('names every control, and describes each chart in words', async () => {
    await open();
    await page.waitForSelector('#tile-spent');
    const nameless =
      await page.evaluate(`[...document.querySelectorAll('button, select, input, canvas, table, dialog')]
      .filter((one) => !one.labels?.length && !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby'))
      .filter((one) => !one.textContent.trim() && !one.closest('.scroll'))
      .map((one) => one.outerHTML)`);
    expect(nameless).toEqual([]);
    expect(await page.getAttribute('#daily-chart', 'aria-label')).toMatch(
      /^Bars by day, November 2026: \$[\d,.]+ of cost in all, most of it by /,
    );
  });
}

describe("the dashboard's colours", () => {
  const css = readFileSync(
    new URL('../../../packages/console/old-report/theme.css', import.meta.url),
    'utf8',
  );
  const blocks = [...css.matchAll(/\{([^{}]*--paper[^{}]*)\}/g)].map(
    ([, block = '']) =>
      new Map([...block.matchAll(/(--[a-z0-9-]+): (#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex!])),
  );

  it('are the same in the dark theme, chosen or by the system', () => {
    expect(blocks.length).toBe(3);
    expect(blocks[1]).toEqual(blocks[2]);
  });

  it.each([
    ['--ink', '--paper', 7],
    ['--ink', '--card', 7],
    ['--quiet', '--paper', 4.5],
    ['--quiet', '--card', 4.5],
    ['--accent', '--card', 4.5],
    ['--on-accent', '--accent', 4.5],
    ['--good', '--paper', 4.5],
    ['--warn-ink', '--warn', 4.5],
    ['--bad-ink', '--bad', 4.5],
    ['--bad-ink', '--card', 4.5],
    ['--card', '--ink', 7],
  ])('%s on %s can be read: %d to 1 at least (WCAG 2.2)', (ink, paper, ratio) => {
    for (const colours of blocks) {
      const [lighter, darker] = [ink, paper]
        .map((name) => luminance(colours.get(name)!))
        .toSorted((a, b) => b - a);
      expect((lighter! + 0.05) / (darker! + 0.05)).toBeGreaterThanOrEqual(ratio);
    }
  });
});

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
