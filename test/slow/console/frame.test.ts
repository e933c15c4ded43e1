/** The console's frame: signing in and out, addresses, keys of every role, themes, and the security policy. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeDashboard, PHONE } from '../../support/browser.js';
import {
  aConsoleWorld,
  axeFindings,
  LOOKS,
  LONGEST_NAME,
  overflowOf,
  signIn,
  type ConsoleWorld,
} from '../../support/console-world.js';
import { firstViewFor } from '../../support/first-view.js';
import { until } from '../../support/until.js';

/** Without sideways scrolling at 1,280 pixels and 400 % zoom (WCAG 1.4.10). */
const NARROWEST = { width: 320, height: 640 };
const FIRST_VIEW_BYTES_MAX = 200_000;
const WIDEST = { width: 2_560, height: 1_300 };

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  it('leads to the sign-in and back to the address, which holds across a reload and a new tab', async () => {
    const { page, complaints, close } = await world.visit('/customers?state=cap_reached&sort=-credits_usd');
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    await signIn(page, world.app.adminKey);
    await page.getByRole('link', { name: 'capped', exact: true }).waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(
      '/dashboard/customers?state=cap_reached&sort=-credits_usd',
    );
    await page.reload();
    await page.getByRole('link', { name: 'capped', exact: true }).waitFor();
    const tab = await page.context().newPage();
    await tab.goto(`${world.app.url}/dashboard/customers/capped`);
    await tab.getByRole('heading', { name: 'capped' }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('keeps no key in the browser, and names the one that is signed in', async () => {
    const { body } = await world.app.call('POST /v1/admin/keys', {
      body: { name: "Ada's laptop", role: 'admin', entity: null },
    });
    const { page, close } = await world.open('/customers', { key: body.secret });
    await page.getByText("Ada's laptop").waitFor();
    expect(
      await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])'),
    ).not.toContain(body.secret);
    await close();
  });

  it('signs out, and the session opens nothing any more', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    await page.goto(`${world.app.url}/dashboard/customers`);
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    expect(await page.getByRole('navigation').count()).toBe(0);
    await close();
  });

  it('a key that is revoked while the page is open leads to the sign-in, and from there back', async () => {
    const { body } = await world.app.call('POST /v1/admin/keys', {
      body: { name: 'leaver', role: 'admin', entity: null },
    });
    const { page, close } = await world.open('/customers', { key: body.secret });
    await page.getByRole('link', { name: 'acme', exact: true }).waitFor();
    await world.app.call(`DELETE /v1/admin/keys/${body.id}`);
    await page.getByRole('link', { name: 'acme', exact: true }).click();
    await page.getByText('You were signed out').waitFor();
    await signIn(page, world.app.adminKey);
    await page.getByRole('heading', { name: 'acme' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/customers/acme');
    await close();
  });

  it.each(['sk-nobody', 'kéy'])('refuses the key %s in a sentence', async (key) => {
    const { page, close } = await world.visit('/');
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    const alert = page.getByRole('alert');
    await until('it says so', async () => (await alert.textContent()) !== '');
    expect(await alert.textContent()).toMatch(/^This key is not valid: it may be mistyped or revoked/);
    await close();
  });

  it('a key of one customer begins at that customer, and is offered nothing of others', async () => {
    for (const role of ['finance', 'owner'] as const) {
      const { page, complaints, close } = await world.open('/', { key: await world.app.key(role, 'acme') });
      await page.getByRole('heading', { name: 'acme' }).waitFor();
      expect(await page.getByRole('link', { name: 'Customers', exact: true }).count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    }
  });

  it('a page that the key may not see says who may', async () => {
    const { page, close } = await world.open('/customers', { key: await world.app.key('gateway') });
    await page.getByText('The page can be seen by a finance key or an admin.').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
    await close();
  });

  it('an unknown address says so', async () => {
    const { page, close } = await world.open('/nowhere/at/all');
    await page.getByRole('heading', { name: 'No such page' }).waitFor();
    expect(await page.getByRole('link', { name: 'first page' }).getAttribute('href')).toMatch(
      /^\/dashboard\/?$/,
    );
    await close();
  });

  it('the keyboard skips to the page, and stands at its start after another page has come', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('link', { name: 'acme', exact: true }).waitFor();
    // The keyboard begins at the top of a page that has just come.
    await page.reload();
    await page.getByRole('link', { name: 'acme', exact: true }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.getByRole('link', { name: 'acme', exact: true }).press('Enter');
    await page.getByRole('heading', { name: 'acme' }).waitFor();
    await until(
      'the page has the focus',
      async () => (await page.evaluate('document.activeElement.id')) === 'content',
    );
    await close();
  });

  it('on a phone the pages are behind one button, which a chosen page and Escape close', async () => {
    const { page, close } = await world.open('/customers', { size: PHONE });
    const menu = page.getByRole('button', { name: 'Menu' });
    await menu.press('Enter');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Menu');
    await menu.press('Enter');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('heading', { name: 'Audit log' }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Pages' }).count()).toBe(0);
    await close();
  });

  it('follows the system’s theme, and keeps a chosen one after a reload', async () => {
    const { page, close } = await world.open('/customers');
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await paper();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await paper()).not.toBe(light);
    await page.getByLabel('Colours').selectOption('light');
    expect(await paper()).toBe(light);
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect([await paper(), await page.getByLabel('Colours').inputValue()]).toEqual([light, 'light']);
    await close();
  });

  it.each(LOOKS)('the sign-in, $theme and $width: axe finds nothing', async ({ theme, size }) => {
    const { page, close } = await world.visit('/sign-in', { theme, size });
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await close();
  });

  it.each([NARROWEST, WIDEST])(
    'at $width pixels nothing is wider than the window, whatever a customer is called',
    async (size) => {
      const key = await world.app.key('owner', LONGEST_NAME);
      const { page, close } = await world.open('/', { key, size });
      await page.getByRole('heading', { name: LONGEST_NAME }).waitFor();
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      const box = (await page.getByRole('button', { name: 'Sign out' }).boundingBox())!;
      expect(box.x + box.width).toBeLessThanOrEqual(size.width);
      await close();
    },
  );

  it('asks no other host, and its policy lets no script, style or frame of others in', async () => {
    const { page, complaints, close } = await world.open('/customers');
    await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
    })()`);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(await page.evaluate(`fetch('http://127.0.0.1:1/').then(() => 'went', () => 'stopped')`)).toBe(
      'stopped',
    );
    const stopped = () => complaints.filter((text) => text.includes('Content Security Policy'));
    await until('the browser says what it stopped', () => stopped().length > 1);
    const { headers } = await world.app.call('GET /dashboard/customers/acme', { key: null });
    const policy = headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    await close();
  });

  it.each([
    'assets/..%2Findex.html',
    'assets/nothing.js',
    'nothing.js',
    '%00.js',
    'constructor.js',
    'package.json',
    'README.md',
  ])('serves only what was built: /dashboard/%s is a 404', async (file) => {
    const { status, body } = await world.app.call(`GET /dashboard/${file}`, { key: null });
    expect([status, body.error.code]).toEqual([404, 'not_found']);
  });

  it('the first view is less than 200 kB on its way, with the list of customers', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('link', { name: 'acme', exact: true }).waitFor();
    const { files, bytes } = await firstViewFor(page, {
      url: `${world.app.url}/dashboard/customers`,
      usable: 'tbody th a',
    });
    expect(files).toBeGreaterThan(5);
    // Less would be no measure: the framework alone is more.
    expect(bytes).toBeGreaterThan(FIRST_VIEW_BYTES_MAX / 4);
    expect(bytes).toBeLessThan(FIRST_VIEW_BYTES_MAX);
    await close();
  });

  it('files whose names hold their digest are kept for a year, and come compressed', async () => {
    const { text } = await world.app.call('GET /dashboard', { key: null });
    const scripts = [...text.matchAll(/\/dashboard\/(assets\/[\w.-]+\.js)/g)].map(([, name]) => name);
    expect(scripts.length).toBeGreaterThan(0);
    for (const [encoding, sent] of [
      ['br', 'gzip, br'],
      ['gzip', 'gzip'],
    ] as const) {
      const { status, headers } = await world.app.call(`GET /dashboard/${scripts[0]}`, {
        key: null,
        headers: { 'accept-encoding': sent },
      });
      expect([status, headers.get('content-encoding')]).toEqual([200, encoding]);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
  });
});

describe("the console's colours", () => {
  const css = readFileSync(
    new URL('../../../packages/console/src/design/tokens.css', import.meta.url),
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
    ['--accent', '--paper', 4.5],
    ['--on-accent', '--accent', 4.5],
    ['--good', '--paper', 4.5],
    ['--warn-ink', '--warn', 4.5],
    ['--bad-ink', '--bad', 4.5],
    ['--bad-ink', '--card', 4.5],
    ['--edge', '--card', 3],
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
