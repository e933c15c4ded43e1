/** One customer: why it is refused, what it has, and every act, from the preview to the entries that it leaves. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard } from '../../support/browser.js';
import { LLAMA } from '../../support/builders.js';
import {
  aConsoleWorld,
  axeFindings,
  LOOKS,
  overflowOf,
  type ConsoleWorld,
} from '../../support/console-world.js';
import { until } from '../../support/until.js';

describeDashboard(() => {
  let world: ConsoleWorld;
  beforeAll(async () => {
    world = await aConsoleWorld();
  });
  afterAll(() => world.close());

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
  const dialog = (page: Page) => page.getByRole('dialog');
  const review = (page: Page) => press(page, 'Review');
  const sentences = (page: Page) => page.locator('.sentences li').allTextContents();
  const creditsOf = async (entity: string) =>
    (await world.app.call(`GET /v1/admin/entities/${entity}/credits`)).body.data;
  const lotOf = (page: Page, reference: string) =>
    page.getByRole('region', { name: 'Credits by lot' }).getByRole('row').filter({ hasText: reference });
  /** Opens the dialog of an act and waits for its fields. */
  const begin = async (page: Page, act: string) => {
    await press(page, act);
    await dialog(page).waitFor();
  };
  const previewed = async (page: Page) => {
    await review(page);
    await page.getByText('This will happen:').waitFor();
    return sentences(page);
  };
  /** Makes what was previewed, and returns what the dialog says of it. */
  const made = async (page: Page, verb: string) => {
    await dialog(page).getByRole('button', { name: verb, exact: true }).click();
    await page.getByText(/^Audit entry/).waitFor();
    // The ledger's entries come after the audit log's.
    await dialog(page).getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached' });
    const text = (await dialog(page).textContent()) ?? '';
    await press(page, 'Close');
    return text;
  };

  it('a refused customer says so, why, how often, and what the next request would get', async () => {
    const { page, complaints, close } = await world.open('/customers/capped');
    await page.getByText('Refused: cap reached').waitFor();
    await page
      .getByText('The next request would be refused: the monthly cap of $20 is reached, with $21.00 booked')
      .waitFor();
    await page.getByText('In the last seven days: 2 requests by the monthly cap.').waitFor();
    const reached = page.getByText(
      'The monthly cap of $20 is reached: $21.00 booked, $0.00 held. There is room again on 1 Dec 2026.',
    );
    await until('both places say so', async () => (await reached.count()) === 2);
    expect(complaints).toEqual([]);
    await close();
  });

  it('a limit that is raised is previewed with the next request, in force at once, and in the audit log', async () => {
    const { page, complaints, close } = await world.open('/customers/capped');
    await begin(page, 'Limits…');
    await page.getByLabel('Monthly cap (US dollars)').fill('25');
    expect(await previewed(page)).toEqual([
      'The monthly cap: from $20 to $25.',
      'The next request would be admitted. $4.00 is left before the monthly cap is reached.',
    ]);
    const { body: before } = await world.app.call('GET /v1/admin/entities/capped');
    expect(before.monthly_cap_usd).toBe('20');
    const text = await made(page, 'Save');
    expect(text).toMatch(/Audit entry \d+: limits\.change by first admin key,/);
    expect(text).not.toContain('Ledger');
    await page.getByText('The next request would be admitted.').waitFor();
    const gateway = await world.app.key('gateway');
    const body = { project: 'capped/chat', model: LLAMA, input_tokens: 1, max_output_tokens: 1 };
    expect((await world.app.call('POST /v1/quota/reservations', { key: gateway, body })).status).toBe(201);
    expect(complaints).toEqual([]);
    await close();
  });

  it('a field that the API refuses shows the API’s words at the field, and nothing is changed', async () => {
    const { page, close } = await world.open('/customers/well');
    await begin(page, 'Limits…');
    await page.getByLabel('Monthly cap (US dollars)').fill('much');
    await review(page);
    const field = page.getByLabel('Monthly cap (US dollars)');
    await page.locator('.react-aria-FieldError').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const described = await field.getAttribute('aria-describedby');
    const texts = await Promise.all(
      described!.split(' ').map((id) => page.locator(`[id="${id}"]`).textContent()),
    );
    expect(texts.join(' ')).toContain('monthly_cap_usd');
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'hidden' });
    expect((await world.app.call('GET /v1/admin/entities/well')).body.limits.monthly_cap_usd.source).toBe(
      'plan',
    );
    await close();
  });

  it('credits above $1,000 are granted only after the amount was typed again, once, with its entries', async () => {
    const { page, complaints, close } = await world.open('/customers/broke');
    await begin(page, 'Grant credits…');
    await page.getByLabel('Amount').fill('$1,250.50');
    await page.getByLabel('Reference').fill('inv_7');
    expect(await previewed(page)).toEqual([
      'broke gets $1,250.50 of paid credits.',
      'What can be spent rises from $0.00 to $1,250.50.',
      'They never expire.',
    ]);
    expect(await creditsOf('broke')).toHaveLength(1);
    const grant = dialog(page).getByRole('button', { name: 'Grant', exact: true });
    expect(await grant.isDisabled()).toBe(true);
    await page.getByLabel('Type the amount again: 1250.5').fill('1250');
    expect(await grant.isDisabled()).toBe(true);
    await page.getByLabel('Type the amount again: 1250.5').fill('1,250.50');
    // The first answer is lost on its way: the change is there, and the second call must not make another.
    await page.route(
      '**/credits?dry_run=false',
      async (route) => {
        await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await grant.click();
    await page.getByText('Trying again is safe').waitFor();
    const text = await made(page, 'Try again');
    expect(text).toContain('Granted $1,250.50 to broke');
    expect(text).toMatch(/Ledger entry \d+: purchase, \$1,250\.50 from cash to credits:grant_/);
    expect((await creditsOf('broke')).map((each: { reference: string }) => each.reference)).toEqual([
      'inv_7',
      'inv-broke',
    ]);
    await lotOf(page, 'inv_7').waitFor();
    expect(complaints.filter((text) => !text.includes('net::ERR_FAILED'))).toEqual([]);
    await close();
  });

  it('a reference that is taken is refused in the preview', async () => {
    const { page, close } = await world.open('/customers/well');
    await begin(page, 'Grant credits…');
    await page.getByLabel('Amount').fill('5');
    await page.getByLabel('Reference').fill('inv-well');
    await review(page);
    await dialog(page).getByRole('alert').waitFor();
    expect(await page.getByText('This will happen:').count()).toBe(0);
    await close();
  });

  it('freezes a lot, unfreezes it, and takes a part of it back with a refund', async () => {
    const { page, complaints, close } = await world.open('/customers/acme');
    const lot = lotOf(page, 'inv-acme');
    await lot.getByRole('button', { name: /^Freeze/ }).click();
    await page.getByLabel('Reason').fill('The purchase is disputed');
    expect((await previewed(page))[0]).toMatch(/cannot be spent from the next request on/);
    expect(await made(page, 'Freeze')).toContain('is frozen.');
    await lot.getByText('Frozen').waitFor();
    await lot.getByRole('button', { name: /^Unfreeze/ }).click();
    await page.getByLabel('Reason').fill('Settled');
    await previewed(page);
    await made(page, 'Unfreeze');
    await lot.getByText('Frozen').waitFor({ state: 'hidden' });
    await lot.getByRole('button', { name: /^Take back/ }).click();
    await page.getByLabel('Amount').fill('10');
    await page.getByLabel('Reason').fill('Bought twice');
    await dialog(page).getByText('The customer gets the money back').click();
    expect(await previewed(page)).toEqual([
      '$10.00 of this grant is taken back.',
      expect.stringMatching(/^What is left of it falls by \$10\.00 to \$\d+\.\d\d\.$/),
      'The statement and FOCUS reverse the purchase. Send the money back by your own means: Tally moves none.',
    ]);
    expect(await made(page, 'Refund')).toMatch(/Refunded \$10\.00 of grant_.*Ledger entry \d+/s);
    const [{ voided_usd }] = await creditsOf('acme');
    expect(voided_usd).toBe('10');
    expect(complaints).toEqual([]);
    await close();
  });

  it('moves a customer to another plan, and limits one of its projects', async () => {
    const { page, complaints, close } = await world.open('/customers/owing');
    await page.getByText('What is spent now is overage').waitFor();
    await begin(page, 'Plan…');
    await dialog(page).getByLabel('Plan').selectOption('free');
    expect((await previewed(page))[0]).toBe('owing moves from the plan pro to free.');
    expect((await sentences(page)).at(-1)).toContain('The next request would be refused');
    await made(page, 'Move');
    await page.getByText('Plan free').waitFor();
    await page.getByRole('button', { name: 'Limits…: chat' }).click();
    await page.getByLabel('Monthly cap (US dollars)').fill('2');
    expect(await previewed(page)).toEqual([
      'The monthly cap: from no limit to $2.',
      "The project's next request would be refused: it has spent $5.00 this month.",
    ]);
    await made(page, 'Save');
    const { body } = await world.app.call('GET /v1/admin/entities/owing/projects/chat/limits');
    expect(body.monthly_cap_usd).toBe('2');
    await page.getByRole('region', { name: 'Changes' }).getByText('Limits changed').first().waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('finance and owners see why requests are refused, and who may change what they may not', async () => {
    for (const role of ['finance', 'owner'] as const) {
      const { page, complaints, close } = await world.open('/', { key: await world.app.key(role, 'capped') });
      await page.getByText('Credits, plan and caps are changed by an admin.').waitFor();
      await lotOf(page, 'inv-capped').waitFor();
      for (const act of ['Grant credits', 'Limits', 'Plan', 'Take back', 'Freeze'])
        expect(await page.getByRole('button', { name: act }).count()).toBe(0);
      expect(await page.getByRole('region', { name: 'Changes' }).count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    }
  });

  it('a customer that does not exist says so', async () => {
    const { page, close } = await world.open('/customers/nobody');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('nobody');
    await close();
  });

  it.each(LOOKS)(
    '$theme and $width: axe finds nothing, in a dialog too, and nothing is wider than the window',
    async ({ theme, size }) => {
      const { page, close } = await world.open('/customers/capped', { theme, size });
      await lotOf(page, 'inv-capped').waitFor();
      await page.getByRole('region', { name: 'Changes' }).waitFor();
      expect(await axeFindings(page)).toEqual([]);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      await begin(page, 'Grant credits…');
      expect(await axeFindings(page)).toEqual([]);
      await page.getByLabel('Amount').fill('5000');
      await previewed(page);
      expect(await axeFindings(page)).toEqual([]);
      await close();
    },
  );
});
