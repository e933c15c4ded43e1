/** Prices, operations, keys, webhooks, alerts, the audit log and settings, in a real Chromium against the whole app. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard } from '../../support/browser.js';
import { LLAMA } from '../../support/builders.js';
import { act, closeDialog, fillInbox, troublesOf, UNPRICED_MODEL } from '../../support/console-admin.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';
import type { TestClock } from '../../support/test-clock.js';

let world: ConsoleWorld;

const PRICE_MAP = JSON.stringify({
  [LLAMA]: { litellm_provider: 'a', mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
  'map-model': { litellm_provider: 'a', mode: 'chat', input_cost_per_token: 3e-6, output_cost_per_token: 4e-6, max_output_tokens: 4096 },
  'half-model': { litellm_provider: 'a', mode: 'chat', input_cost_per_token: 3e-6 },
}); // prettier-ignore

describeDashboard(() => {
  beforeAll(async () => {
    world = await aConsoleWorld();
    await fillInbox(world);
  });
  afterAll(() => world.close());

  it('publishes the first price of a model, and says before whose waiting usage it charges', async () => {
    const { page, complaints, close } = await world.open('/prices/unpriced');
    await page.getByRole('table', { name: 'Unpriced usage' }).waitFor();
    const { will, done } = await act(page, {
      open: 'Set a price…',
      fill: async (dialog) => {
        await dialog.getByLabel('Input', { exact: true }).fill('3');
        await dialog.getByLabel('Output', { exact: true }).fill('9');
      },
      verb: 'Publish',
    });
    expect(will).toContain(`Every customer pays it for ${UNPRICED_MODEL}`);
    expect(will).toMatch(/2 events that waited are charged by it now, of acme \(1\), well \(1\)/);
    expect(done).toContain('2 waiting events are charged');
    await page.getByText('Audit entry').waitFor();
    await closeDialog(page);
    await page.getByText('No usage waits for a price').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('previews a price that begins now in the midst of a second, and shows it as the one in force', async () => {
    const clock = world.app.clock as TestClock;
    clock.advance(282);
    const { page, close } = await world.open(`/prices/model?model=${UNPRICED_MODEL}`);
    const { will } = await act(page, {
      open: 'Publish a version…',
      fill: (dialog) => dialog.getByLabel('Input', { exact: true }).fill('3'),
      verb: 'Publish',
    });
    expect(will).toContain('It counts from the next event on.');
    await closeDialog(page);
    expect(await page.locator('tr', { hasText: 'in force' }).count()).toBe(1);
    await close();
    clock.advance(-282);
  });

  it('shows what a new version changes, field by field, and then re-rates with the sum by customer', async () => {
    const { page, close } = await world.open(`/prices/model?model=${UNPRICED_MODEL}`);
    await page.getByRole('heading', { name: 'List price' }).waitFor();
    const published = await act(page, {
      open: 'Publish a version…',
      fill: (dialog) => dialog.getByLabel('Input', { exact: true }).fill('4'),
      verb: 'Publish',
    });
    expect(published.will).toContain('Input: $3 → $4 per million.');
    await closeDialog(page);
    const rerated = await act(page, {
      open: 'Re-rate usage…',
      fill: async (dialog) => {
        await dialog.getByLabel('From', { exact: true }).fill('2026-11-01');
        await dialog.getByLabel('To, not included').fill('2026-12-01');
        await dialog.getByLabel('Reason').fill('the old price was wrong');
      },
      verb: 'Re-rate',
    });
    expect(rerated.will).toContain('of 2 events');
    expect(rerated.done).toMatch(/events? are re-rated|Nothing|0 events/);
    await close();
  });

  it('shows an import by model and field before it counts, with what is skipped and kept, and publishes just that', async () => {
    const { page, close } = await world.open('/prices/import');
    await page
      .getByLabel('Price map')
      .setInputFiles({ name: 'map.json', mimeType: 'application/json', buffer: Buffer.from(PRICE_MAP) });
    await page.getByRole('button', { name: 'Show the difference' }).click();
    const table = page.getByRole('table', { name: 'Changes' });
    await table.waitFor();
    expect(await table.innerText()).toContain('map-model');
    await page.getByRole('button', { name: /^Skipped/ }).click();
    expect(await page.getByRole('table', { name: 'Skipped' }).innerText()).toContain('half-model');
    const label = await page.getByRole('button', { name: /^Publish \d+ price/ }).innerText();
    const { done } = await act(page, { open: label, verb: 'Publish' });
    expect(done).toMatch(/published/);
    const { data } = (await world.app.call('GET /v1/admin/prices?model=map-model')).body;
    expect(data).toMatchObject([{ input_usd_per_million: '3', output_usd_per_million: '4' }]);
    expect((await world.app.call('GET /v1/admin/prices?model=half-model')).body.data).toEqual([]);
    await close();
  });

  it('pauses the queue with what that means, shows it, and resumes it', async () => {
    const { page, close } = await world.open('/operations');
    const paused = await act(page, { open: 'Pause…', verb: 'Pause' });
    expect(paused.will).toContain('customers may pass their caps');
    await closeDialog(page);
    await page.getByText('The queue is paused: usage waits').waitFor();
    expect((await world.app.call('GET /v1/admin/queue')).body.paused).toBe(true);
    await act(page, { open: 'Resume…', verb: 'Resume' });
    await closeDialog(page);
    expect((await world.app.call('GET /v1/admin/queue')).body.paused).toBe(false);
    await close();
  });

  it('reconciles the books, shows both sides of a difference, and repairs it after a preview', async () => {
    await world.app.postgres.pool.query(
      `update project_spend set cost_picos = cost_picos + 1 where entity = 'well' and project = 'chat'`,
    );
    const { page, close } = await world.open('/operations/books');
    await page.getByRole('button', { name: 'Reconcile now' }).click();
    await page.getByText(/checks? differ/).waitFor();
    const repaired = await act(page, {
      open: 'Repair…',
      fill: (dialog) => dialog.getByLabel('Customer').fill('well'),
      verb: 'Repair',
    });
    expect(repaired.will).toMatch(/sums? differ/);
    expect(repaired.done).toMatch(/rebuilt/);
    await closeDialog(page);
    (world.app.clock as TestClock).advance(1_000);
    await page.getByRole('button', { name: 'Reconcile now' }).click();
    await page.getByText('The books agree', { exact: true }).waitFor();
    await close();
  });

  it('makes a key whose secret is shown once and works, renames it, rotates it with an overlap, and revokes it', async () => {
    const { page, close } = await world.open('/keys?entity=acme');
    const made = await act(page, {
      open: 'Make a key…',
      fill: (dialog) => dialog.getByLabel('Name').fill('eu gateway'),
      verb: 'Make the key',
    });
    expect(made.will).toContain('of acme alone');
    const secret = /sk-\S+/.exec(made.done)![0];
    const decides = (key: string) =>
      world.app.call('GET /v1/quota/check', { key, headers: { 'openai-project': 'acme/chat' } });
    expect((await decides(secret)).status).not.toBe(401);
    await closeDialog(page);
    expect(await page.content()).not.toContain(secret);
    await act(page, {
      open: 'Rename…: eu gateway',
      fill: (dialog) => dialog.getByLabel('Name').fill('frankfurt'),
      verb: 'Rename',
    });
    await closeDialog(page);
    const rotated = await act(page, { open: 'Rotate…: frankfurt', verb: 'Rotate' });
    expect(rotated.will).toContain('ends in a day');
    const successor = /sk-\S+/.exec(rotated.done)![0];
    await closeDialog(page);
    expect((await decides(secret)).status).not.toBe(401);
    expect((await decides(successor)).status).not.toBe(401);
    const before = (await world.app.call('GET /v1/admin/keys?entity=acme&state=active')).body.data.length;
    await act(page, { open: 'Revoke…: frankfurt', verb: 'Revoke' });
    await closeDialog(page);
    expect((await world.app.call('GET /v1/admin/keys?entity=acme&state=active')).body.data).toHaveLength(
      before - 1,
    );
    await close();
  });

  it('an owner makes keys of its own customer alone, and is offered no role that it may not give', async () => {
    const { page, close } = await world.open('/keys', { key: await world.app.key('owner', 'acme') });
    await page.getByRole('button', { name: 'Make a key…' }).click();
    const roles = page.getByRole('dialog').getByRole('radio');
    await roles.first().waitFor();
    const values = (await roles.all()).map((radio) => radio.getAttribute('value'));
    expect(await Promise.all(values)).toEqual(['gateway', 'finance']);
    expect(await page.getByRole('dialog').getByLabel('Customer').count()).toBe(0);
    await close();
  });

  it('makes a webhook and an alert, and tests the webhook', async () => {
    const { page, close } = await world.open('/webhooks');
    await act(page, {
      open: 'Make a webhook…',
      fill: (dialog) => dialog.getByLabel('Address').fill('https://example.com/alerts'),
      verb: 'Make it',
    });
    await closeDialog(page);
    await page.getByRole('link', { name: 'https://example.com/alerts' }).click();
    await act(page, { open: 'Test…', verb: 'Send it' });
    await closeDialog(page);
    await page.getByRole('table', { name: 'Deliveries' }).getByText('webhook.test').waitFor();
    await page.goto(`${world.app.url}/dashboard/alerts?entity=acme`);
    const made = await act(page, {
      open: 'Make an alert…',
      fill: (dialog) => dialog.getByLabel('Below').fill('25'),
      verb: 'Make it',
    });
    expect(made.done).toContain('Credits fall below $25');
    await closeDialog(page);
    expect(
      (await world.app.call('GET /v1/organization/alerts', { headers: { 'openai-organization': 'acme' } }))
        .body.data,
    ).toMatchObject([{ kind: 'low_balance', below_usd: '25' }]);
    await close();
  });

  it('a customer has its alerts and its keys among its pages', async () => {
    const { page, close } = await world.open('/customers/acme');
    await page.getByRole('link', { name: 'Keys' }).last().click();
    await page.getByText('Keys that reach this customer alone').waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/customers/acme/keys');
    await page.getByRole('link', { name: 'Alerts' }).last().click();
    await page.getByRole('heading', { name: 'Conditions' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/dashboard/customers/acme/alerts');
    await close();
  });

  it('changes a plan, and names before whom a lower cap refuses', async () => {
    const { page, close } = await world.open('/settings');
    const row = page.getByRole('row', { name: /^free/ });
    await row.getByRole('button', { name: 'Change…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Monthly cap').fill('3');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.getByText('Monthly cap: $100 → $3.').waitFor();
    expect(await dialog.innerText()).toMatch(/Refused from the next request on.*broke/);
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await dialog.getByText('The plan free is changed').waitFor();
    await closeDialog(page);
    expect((await world.app.call('GET /v1/admin/plans/free')).body.monthly_cap_usd).toBe('3');
    await close();
  });

  it('changes for how long a kind of data is kept, and says what becomes of what is older', async () => {
    const { page, close } = await world.open('/settings/retention');
    const kinds = page.getByRole('table', { name: 'Kinds of data' });
    await kinds
      .getByRole('row', { name: /Dead letters/ })
      .getByRole('button', { name: 'Change…' })
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Months').fill('24');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.getByText(/→ 24 months\./).waitFor();
    expect(await dialog.innerText()).toContain('it cannot be undone');
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await dialog.getByText('Audit entry').waitFor();
    await closeDialog(page);
    const { body } = await world.app.call('GET /v1/admin/settings/retention');
    expect(body.dead_letters_months).toBe(24);
    await close();
  });

  it.each([
    ['/prices', 'Prices in force'],
    [`/prices/model?model=${UNPRICED_MODEL}`, 'Versions'],
    ['/prices/unpriced', 'Prices'],
    ['/prices/import', 'Price map'],
    ['/operations', 'By queue'],
    ['/operations/jobs', 'Jobs'],
    ['/operations/books', 'Checks'],
    ['/keys', 'Keys'],
    ['/alerts?entity=acme', 'Conditions'],
    ['/customers/acme/alerts', 'Pages about acme'],
    ['/customers/acme/keys', 'Pages about acme'],
    ['/webhooks', 'Webhooks'],
    ['/webhooks/mail', 'Deliveries'],
    ['/audit', 'Audit log'],
    ['/settings', 'Plans'],
    ['/settings/retention', 'Kinds of data'],
  ])('%s reads well in both themes at every width', async (address, label) => {
    expect(
      await troublesOf(world, { address, ready: (page: Page) => page.getByLabel(label).first().waitFor() }),
    ).toEqual([]);
  });
});
