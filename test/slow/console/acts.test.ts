/** Acts on conflicts, alerts and webhooks, in a real Chromium: what will happen in words, the change, and what it leaves. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { WebhookDeliveries } from '../../../src/alerts/webhook-deliveries.js';
import { WebhookSender } from '../../../src/alerts/webhook-sender.js';
import { describeDashboard } from '../../support/browser.js';
import { anEvent } from '../../support/builders.js';
import { act, closeDialog } from '../../support/console-admin.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';
import { aReceiver, type Receiver } from '../../support/receiver.js';
import { recordUsage } from '../../support/usage.js';

describeDashboard(() => {
  let world: ConsoleWorld;
  let receiver: Receiver;
  beforeAll(async () => {
    world = await aConsoleWorld({ WEBHOOK_ALLOW_PRIVATE: 'true' });
    receiver = await aReceiver();
  });
  afterAll(async () => {
    await receiver.close();
    await world.close();
  });

  const get = async (request: string) => (await world.app.call(`GET ${request}`)).body;
  const ofAcme = { headers: { 'openai-organization': 'acme' } };
  const listOfAcme = async (path: string) => (await world.app.call(`GET ${path}`, ofAcme)).body.data;
  const spentBy = async (entity: string) =>
    Number((await get(`/v1/entities/${entity}/balance`)).month_to_date_usd);
  /** Events that came a second time, each with a million tokens more of input: $0.71 more each. */
  const conflicting = async (subject: string, ids: readonly string[]) => {
    const events = ids.map((id) => anEvent({ subject, id, quantities: { input: 1, output: 0 } }));
    await recordUsage(world.app, events);
    await recordUsage(
      world.app,
      events.map((event) => ({ ...event, quantities: { input: 1_000_000, output: 0 } })),
    );
  };
  const row = (page: Page, table: string, text: string) =>
    page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: text });

  it('a conflict is counted after all: its customer is charged, and the page names the event that counts it', async () => {
    await conflicting('acme/chat', ['twice']);
    const before = await spentBy('acme');
    const { page, complaints, close } = await world.open('/inbox/conflicts?entity=acme');
    await page.getByRole('link', { name: 'twice' }).click();
    const { will, done } = await act(page, {
      open: 'Count it too…',
      fill: (dialog) => dialog.getByLabel('Note').fill('both requests ran'),
      verb: 'Count it',
    });
    expect(will).toContain('acme is charged $0.71 for it, by the price of');
    const [conflict] = (await get('/v1/admin/usage_conflicts?status=counted')).data;
    expect(done).toContain(`It is counted as ${conflict.counted_as}.`);
    expect(conflict.review_note).toBe('both requests ran');
    expect((await spentBy('acme')) - before).toBeCloseTo(0.71, 6);
    await page.getByText('Audit entry').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('closes and counts all conflicts of a filter and no other, as a job, and says how many before', async () => {
    await conflicting('well/chat', ['w-1', 'w-2', 'w-3']);
    await conflicting('owing/chat', ['o-1']);
    const before = await spentBy('well');
    const { page, close } = await world.open('/inbox/conflicts?entity=well');
    const closed = await act(page, {
      open: 'Close all shown…',
      fill: (dialog) => dialog.getByLabel('Note').fill('retries of one gateway'),
      verb: 'Close all',
    });
    expect(closed.will).toContain('3 conflicts go to the reviewed ones.');
    await page.getByText('3 conflicts closed.').waitFor();
    await closeDialog(page);
    await page.getByText('No conflict matches').waitFor();
    expect(await spentBy('well')).toBe(before);
    await page.getByLabel('State').selectOption('reviewed');
    await row(page, 'Conflicts', 'w-1').waitFor();
    const counted = await act(page, { open: 'Count all shown…', verb: 'Count all' });
    expect(counted.will).toContain('3 conflicts go into the counted ones: well is charged');
    await page.getByText('3 conflicts counted.').waitFor();
    await closeDialog(page);
    expect((await spentBy('well')) - before).toBeCloseTo(3 * 0.71, 6);
    expect((await get('/v1/admin/usage_conflicts?status=open')).data).toMatchObject([{ event_id: 'o-1' }]);
    await close();
  });

  it('an alert is changed: the page says from what to what, and keeps what was not touched', async () => {
    const alert = { kind: 'cap_share', share_percent: 80, cap: 'monthly', project: 'chat' };
    await world.app.call('POST /v1/organization/alerts', { ...ofAcme, body: alert });
    const { page, complaints, close } = await world.open('/alerts?entity=acme');
    await row(page, 'Conditions', 'Spend reaches 80% of the monthly cap of chat').waitFor();
    const changed = await act(page, {
      open: 'Change…: Spend reaches 80% of the monthly cap of chat',
      fill: (dialog) => dialog.getByLabel('Percent of the cap').fill('90'),
      verb: 'Change it',
    });
    expect(changed.will).toContain('Until now: Spend reaches 80% of the monthly cap of chat.');
    expect(changed.will).toContain('From now on: Spend reaches 90% of the monthly cap of chat.');
    await page.getByText('Audit entry').waitFor();
    await closeDialog(page);
    expect(await listOfAcme('/v1/organization/alerts')).toMatchObject([{ ...alert, share_percent: 90 }]);
    const removed = await act(page, {
      open: 'Delete…: Spend reaches 90% of the monthly cap of chat',
      verb: 'Delete',
    });
    expect(removed.done).toContain('The alert is deleted.');
    await closeDialog(page);
    expect(await listOfAcme('/v1/organization/alerts')).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });

  it('spend alerts of a customer and of a project are made, changed and deleted, and an amount of half a cent is refused at its field', async () => {
    const ofProject = '/v1/organization/projects/search/spend_alerts';
    const { page, close } = await world.open('/alerts?entity=acme');
    const make = (amount: string, project: string) =>
      act(page, {
        open: 'Make a spend alert…',
        fill: async (dialog) => {
          await dialog.getByLabel('At a spend of').fill(amount);
          await dialog.getByLabel('Project').fill(project);
        },
        verb: 'Make it',
      });
    expect((await make('50', '')).will).toContain('It fires once a month, when acme has spent $50.');
    await closeDialog(page);
    expect((await make('20', 'search')).done).toContain('Watched: acme/search spends $20 in a month.');
    await closeDialog(page);
    await row(page, 'Spend alerts', 'all projects together').waitFor();
    await page.getByRole('button', { name: 'Change…: $20 a month of acme/search' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('At a spend of').fill('30.005');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.locator('.react-aria-FieldError').getByText('whole cents').waitFor();
    await dialog.getByLabel('At a spend of').fill('30.50');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.getByText('The amount: from $20 to $30.50.').waitFor();
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await closeDialog(page);
    expect(await listOfAcme(ofProject)).toMatchObject([{ threshold_amount: 3_050 }]);
    for (const open of ['Delete…: $30.50 a month of acme/search', 'Delete…: $50 a month of acme']) {
      await act(page, { open, verb: 'Delete' });
      await closeDialog(page);
    }
    await page.getByText('No spend is watched').waitFor();
    expect(await listOfAcme(ofProject)).toEqual([]);
    expect(await listOfAcme('/v1/organization/spend_alerts')).toEqual([]);
    await close();
  });

  it('a customer is added with what its plan means for its first request, and a name that exists is refused at its field', async () => {
    const { page, close } = await world.open('/customers');
    await page.getByRole('button', { name: 'Add a customer…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('acme');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.locator('.react-aria-FieldError').getByText('acme exists already').waitFor();
    await dialog.getByLabel('Name').fill('newcomer');
    await dialog.getByRole('button', { name: 'Review' }).click();
    await dialog.getByText('newcomer is created on the plan free.').waitFor();
    expect(await dialog.locator('.sentences').innerText()).toContain(
      'its requests are refused until you grant',
    );
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText('Audit entry').waitFor();
    await closeDialog(page);
    expect((await get('/v1/admin/entities/newcomer')).plan).toBe('free');
    expect((await get('/v1/admin/entities/acme')).plan).toBe('pro');
    await close();
  });

  it('a webhook’s secret is rotated with an overlap in which both sign, a delivery is sent again, and the webhook is deleted', async () => {
    await world.app.call('POST /v1/admin/webhooks', { body: { url: receiver.url, entity: 'acme' } });
    const { database, clock } = world.app;
    const deliveries = new WebhookDeliveries(database, clock, new WebhookSender({ allowPrivate: true }));
    const { page, complaints, close } = await world.open('/webhooks');
    await page.getByRole('link', { name: receiver.url }).click();
    const rotated = await act(page, { open: 'Rotate the secret…', verb: 'Rotate' });
    expect(rotated.will).toContain(
      'The old secret ends in a day; until then each message has both signatures.',
    );
    expect(rotated.done).toMatch(/whsec_\S+/);
    await closeDialog(page);
    await act(page, { open: 'Test…', verb: 'Send it' });
    await closeDialog(page);
    await deliveries.deliver();
    expect(receiver.received[0]!.headers['webhook-signature']!.split(' ')).toHaveLength(2);
    await page.reload();
    await page.getByRole('table', { name: 'Deliveries' }).getByRole('link').first().click();
    const resent = await act(page, { open: 'Resend…', verb: 'Resend' });
    expect(resent.will).toContain('webhook.test is sent once more, now.');
    expect(resent.done).toContain('It is on its way again.');
    await closeDialog(page);
    await deliveries.deliver();
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
    const removed = await act(page, { open: 'Delete…', verb: 'Delete' });
    expect(removed.will).toContain('Nothing more is sent to it.');
    await closeDialog(page);
    expect((await get('/v1/admin/webhooks')).data).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });

  it('an alert that is made says from when on it fires, before it is', async () => {
    const { page, close } = await world.open('/customers/acme/alerts');
    await page.getByRole('button', { name: 'Make an alert…' }).click();
    await page.getByLabel('Below').fill('20');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('It watches acme: Credits fall below $20.').waitFor();
    expect(await listOfAcme('/v1/organization/alerts')).toEqual([]);
    await close();
  });

  it('a long address is broken into lines in a dialog, not cut', async () => {
    const url = `https://hooks.example.com/${'a'.repeat(200)}`;
    const made = await world.app.call('POST /v1/admin/webhooks', { body: { url, entity: 'acme' } });
    const { page, close } = await world.open(`/webhooks?id=${made.body.id}`);
    await page.getByRole('button', { name: 'Rotate the secret…' }).click();
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('is signed by a new secret').waitFor();
    const cut =
      '(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector(".dialog"))';
    expect(await page.evaluate(cut)).toBe(0);
    await close();
  });
});
