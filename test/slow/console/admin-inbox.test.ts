/** The inbox, its dead letters and its conflicts, in a real Chromium against the whole app. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeDashboard } from '../../support/browser.js';
import { act, closeDialog, fillInbox, troublesOf, UNPRICED_MODEL } from '../../support/console-admin.js';
import { aConsoleWorld, type ConsoleWorld } from '../../support/console-world.js';

let world: ConsoleWorld;

describeDashboard(() => {
  beforeAll(async () => {
    world = await aConsoleWorld();
    await fillInbox(world);
  });
  afterAll(() => world.close());

  it('counts what waits beside its link, and each line leads to its list', async () => {
    const { count } = (await world.app.call('GET /v1/admin/inbox')).body;
    const { page, complaints, close } = await world.open('/inbox');
    await page.getByRole('link', { name: `Inbox ${count} wait` }).waitFor();
    const waiting = page.getByRole('list', { name: 'What waits' });
    expect(await waiting.innerText()).toContain('2 with unreadable counts');
    expect(await waiting.innerText()).toContain(UNPRICED_MODEL);
    for (const [link, heading] of [
      ['Mend, replay or discard', 'Dead letters'],
      ['Compare and review', 'Conflicts'],
      ['Set prices', 'Unpriced usage'],
    ] as const) {
      await waiting.getByRole('link', { name: link }).click();
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await page.goBack();
      await waiting.waitFor();
    }
    expect(complaints).toEqual([]);
    await close();
  });

  it('mends a dead letter, says what will happen, sends it to the queue, and shows the audit entry', async () => {
    const { page, close } = await world.open('/inbox/dead-letters?code=time_out_of_range');
    await page.getByRole('table', { name: 'Dead letters' }).getByRole('link').first().click();
    await page.getByRole('region', { name: 'Dead letter' }).getByText('2024-01-01').first().waitFor();
    const { will, done } = await act(page, {
      open: 'Replay…',
      fill: (dialog) => dialog.getByLabel('Time', { exact: true }).fill('2026-11-22T10:00:00Z'),
      verb: 'Replay',
    });
    expect(will).toContain('Its time becomes 2026-11-22T10:00:00Z.');
    expect(done).toContain('on the queue');
    await page.getByText('Audit entry').waitFor();
    await closeDialog(page);
    const { data } = (await world.app.call('GET /v1/admin/dead_letters?status=replayed')).body;
    expect(data).toMatchObject([{ event_id: 'old' }]);
    expect((await world.app.call('GET /v1/admin/queue')).body.waiting).toBe(1);
    await close();
  });

  it('discards all of a filter and no other, and says how many before', async () => {
    const { page, close } = await world.open('/inbox/dead-letters?code=invalid_tokens');
    const { will, done } = await act(page, { open: 'Discard all shown…', verb: 'Discard all' });
    expect(will).toContain('2 events go to the discarded ones');
    expect(done).toContain('2 events are discarded');
    await closeDialog(page);
    await page.getByText('No dead letter matches').waitFor();
    expect((await world.app.call('GET /v1/admin/dead_letters?status=discarded')).body.data).toHaveLength(2);
    await close();
  });

  it('shows a conflict side by side, only what differs, and closes it with a note', async () => {
    const { page, close } = await world.open('/inbox/conflicts');
    await page.getByRole('link', { name: 'came-twice' }).click();
    const table = page.getByRole('table', { name: 'What was counted, and what came' });
    await table.waitFor();
    expect(await table.innerText()).toContain('quantities.input');
    expect(await table.innerText()).not.toContain('source');
    await page.getByText('Show equal fields too').click();
    expect(await table.innerText()).toContain('source');
    const { will } = await act(page, {
      open: 'Close with a note…',
      fill: (dialog) => dialog.getByLabel('Note').fill('the gateway sent it twice'),
      verb: 'Close it',
    });
    expect(will).toContain('What was counted stays');
    await closeDialog(page);
    expect((await world.app.call('GET /v1/admin/usage_conflicts?status=reviewed')).body.data).toMatchObject([
      { event_id: 'came-twice', review_note: 'the gateway sent it twice' },
    ]);
    await close();
  });

  it('an owner is told who may see it', async () => {
    const { page, close } = await world.open('/inbox', { key: await world.app.key('owner', 'acme') });
    await page.getByText('The page can be seen by an admin.').waitFor();
    expect(await page.getByRole('list', { name: 'What waits' }).count()).toBe(0);
    await close();
  });

  it.each([
    ['/inbox', 'What waits'],
    ['/inbox/dead-letters?status=discarded', 'Dead letters'],
    ['/inbox/conflicts?status=reviewed', 'Conflicts'],
  ])('%s reads well in both themes at every width', async (address, name) => {
    expect(
      await troublesOf(world, { address, ready: (page: Page) => page.getByLabel(name).first().waitFor() }),
    ).toEqual([]);
  });
});
