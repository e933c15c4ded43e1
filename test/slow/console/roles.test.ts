/** What owners and finance are offered, and the keyboard alone: nothing on any page leads to a refusal by the key's role. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard } from '../../support/browser.js';
import { closeDialog } from '../../support/console-admin.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';
import { until } from '../../support/until.js';

/** Far more than a page has stops for the Tab key. */
const TABS_MAX = 150;

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
    const acme = { headers: { 'openai-organization': 'acme' } };
    const { app } = world;
    await app.call('POST /v1/organization/alerts', {
      ...acme,
      body: { kind: 'low_balance', below_usd: '5' },
    });
    await app.call('POST /v1/organization/spend_alerts', { ...acme, body: { threshold_amount: 9_000 } });
    await app.call('POST /v1/admin/webhooks', { body: { url: 'https://example.com/hook', entity: 'acme' } });
    await world.app.key('gateway', 'acme');
  });
  afterAll(() => world.close());

  it.each(['owner', 'finance'] as const)(
    'no link and no button of any page refuses the role %s',
    async (role) => {
      const { page, complaints, close } = await world.open('/', { key: await world.app.key(role, 'acme') });
      const refused: string[] = [];
      page.on('response', (response) => {
        if (response.status() === 403) refused.push(`${response.request().method()} ${response.url()}`);
      });
      const pressed: string[] = [];
      const seen = new Set<string>();
      const waiting = await linksOf(page);
      expect(waiting.length).toBeGreaterThan(3);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (seen.has(next)) continue;
        seen.add(next);
        await page.goto(world.app.url + next);
        await settled(page);
        expect([next, await page.getByText('Your key may not see this page').count()]).toEqual([next, 0]);
        waiting.push(...(await linksOf(page)));
        pressed.push(...(await pressAll(page, world.app.url + next)));
      }
      expect(refused).toEqual([]);
      expect(complaints).toEqual([]);
      expect(pressed.includes('Spend limit…')).toBe(role === 'owner');
      expect(pressed.some((name) => name.startsWith('Make a'))).toBe(role === 'owner');
      await close();
    },
  );

  it('finance reads who may do what it may not', async () => {
    const { page, close } = await world.open('/', { key: await world.app.key('finance', 'acme') });
    await page.getByText('Credits, plan and caps are changed by an admin.').waitFor();
    await page.getByText('Spend limit: an owner of the customer or an admin can').waitFor();
    await page.goto(`${world.app.url}/dashboard/alerts`);
    await page.getByText('Make an alert: an owner of the customer or an admin can').waitFor();
    expect(await page.getByRole('button', { name: /^(Make|Change|Delete)/ }).count()).toBe(0);
    await close();
  });

  it('an owner limits its own spend: the page says what the next request gets, the limit is in force, and is removed again', async () => {
    const { page, complaints, close } = await world.open('/', { key: await world.app.key('owner', 'acme') });
    const dialog = page.getByRole('dialog');
    const save = async (amount: string) => {
      await page.getByRole('button', { name: 'Spend limit…', exact: true }).click();
      await dialog.getByLabel('At most, in a month').fill(amount);
      await dialog.getByRole('button', { name: 'Review' }).click();
      await dialog.getByText('This will happen:').waitFor();
      const will = await dialog.locator('.sentences li').allTextContents();
      await dialog.getByRole('button', { name: 'Save', exact: true }).click();
      await closeDialog(page);
      return will;
    };
    const limitOf = async () => (await world.app.call('GET /v1/entities/acme/balance')).body.spend_limit_usd;
    expect(await save('15')).toEqual([
      'From no limit of your own to $15 a month.',
      'The next request would be refused: the monthly cap of $15 is reached, with $21.00 booked and $0.00 held by requests in flight.',
    ]);
    expect(await limitOf()).toBe('15');
    const check = { key: await world.app.key('gateway'), headers: { 'openai-project': 'acme/chat' } };
    expect((await world.app.call('GET /v1/quota/check', check)).status).toBe(429);
    await page.getByText('Refused: cap reached').waitFor();
    expect((await save('60'))[0]).toBe('From $15 to $60 a month.');
    expect((await world.app.call('GET /v1/quota/check', check)).status).toBe(200);
    expect((await save(''))[0]).toBe('From $60 to no limit of your own a month.');
    expect(await limitOf()).toBeNull();
    await page.getByRole('button', { name: 'Spend limit…: search' }).click();
    await dialog.getByLabel('At most, in a month').fill('12.345');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.getByText('From no limit of your own to $12.34 a month.').waitFor();
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await closeDialog(page);
    const { body } = await world.app.call('GET /v1/entities/acme/balance');
    expect(body.projects).toContainEqual(
      expect.objectContaining({ project: 'search', spend_limit_usd: '12.345' }),
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it('the report of a refused customer says at its head which limit refuses, until when, and shows each refused request', async () => {
    const { page, close } = await world.open('/customers/capped/report');
    const banner = page.getByRole('region', { name: 'Refused requests' });
    await banner.waitFor();
    expect(await banner.innerText()).toContain(
      'Every request is refused until the next month: the monthly cap of $20 is used up.',
    );
    expect(await banner.innerText()).toContain('2 requests refused in the last seven days');
    await banner.getByText('The newest of them, each with its reason').click();
    const rows = banner.getByRole('table', { name: 'Refused requests' }).getByRole('row');
    await until('both are listed', async () => (await rows.count()) === 3);
    expect(await rows.nth(1).innerText()).toMatch(/the monthly cap \$20 reached on .* UTC, next 1 Dec 2026/);
    await close();
    const well = await world.open('/customers/well/report');
    await well.page.getByRole('heading', { name: 'well' }).waitFor();
    await settled(well.page);
    expect(await well.page.getByRole('region', { name: 'Refused requests' }).count()).toBe(0);
    await well.close();
  });

  it('the keyboard alone signs in, finds a customer, sells credits and reads the ledger entry', async () => {
    const { page, close } = await world.visit('/');
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    const { keyboard } = page;
    await keyboard.type(world.app.adminKey);
    await keyboard.press('Enter');
    await page.getByRole('link', { name: 'broke', exact: true }).waitFor();
    await tabTo(page, 'broke');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'broke' }).waitFor();
    await page.getByRole('button', { name: 'Grant credits' }).waitFor();
    await tabTo(page, 'Grant credits…');
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'Amount');
    await keyboard.type('2500');
    await keyboard.press('Enter');
    await page.getByText('This will happen:').waitFor();
    await tabTo(page, 'Type the amount again: 2500');
    await keyboard.type('2500');
    await keyboard.press('Enter');
    await page.getByText(/^Ledger entry \d+: purchase/).waitFor();
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const { data } = (await world.app.call('GET /v1/admin/entities/broke/ledger?kind=purchase')).body;
    expect(data[0]).toMatchObject({ amount_usd: '2500' });
    await close();
  });
});

/** Nothing that the page asked for is still on its way. */
async function settled(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.waitForLoadState('networkidle');
  await page.waitForSelector('[aria-label="Loading"]', { state: 'detached' });
}

/** Where the page leads inside of the console, by path. */
async function linksOf(page: Page): Promise<string[]> {
  await settled(page);
  const links: string[] = await page.evaluate(
    `[...document.querySelectorAll('a[href^="/dashboard"]')].map(({ pathname }) => pathname)`,
  );
  return [...new Set(links)];
}

/** Presses each button of the page's content but those that sort, closes its dialog, and returns what stands on them. */
async function pressAll(page: Page, url: string): Promise<string[]> {
  const names: string[] = [];
  const buttons = page.locator('main button:visible:enabled:not(th button)');
  for (let at = 0; at < (await buttons.count()); at += 1) {
    names.push((await buttons.nth(at).innerText()).trim());
    await buttons.nth(at).click();
    if ((await page.getByRole('dialog').count()) > 0) {
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    if (new URL(page.url()).pathname !== new URL(url).pathname) await page.goto(url);
  }
  await settled(page);
  return names;
}

/** Presses Tab until the focus stands on what has the name. */
async function tabTo(page: Page, name: string): Promise<void> {
  const nameOfFocus = `(() => {
    const { activeElement: element } = document;
    return element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
  })()`;
  for (let pressed = 0; pressed <= TABS_MAX; pressed += 1) {
    const focused: string | null = await page.evaluate(nameOfFocus);
    if (focused?.trim() === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`The keyboard does not reach ${name}.`);
}
