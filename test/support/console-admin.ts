/** What waits for an admin in a console's world, and how a test acts and looks in it. */
import type { Page } from 'playwright-core';
import { insertDeadLetters } from '../../src/metering/dead-letters.sql.js';
import { anEvent, anEventBody } from './builders.js';
import { axeFindings, overflowOf, type ConsoleWorld } from './console-world.js';
import { recordUsage } from './usage.js';

const WIDTHS = [390, 768, 1024, 1440];
export const UNPRICED_MODEL = 'new-chat-model';

/** Three dead letters of two reasons, a conflict, an unpriced model and an unread field. */
export async function fillInbox({ app }: ConsoleWorld): Promise<void> {
  const counted = anEvent({ subject: 'acme/chat', id: 'came-twice' });
  await recordUsage(app, [
    counted,
    anEvent({ subject: 'acme/chat', model: UNPRICED_MODEL, quantities: { input: 2_000_000, output: 0 } }),
    anEvent({ subject: 'well/chat', model: UNPRICED_MODEL }),
    anEvent({ subject: 'well/chat', unread: ['furlongs'], rawUsage: { furlongs: 3 } }),
  ]);
  await recordUsage(app, [{ ...counted, quantities: { input: 7, output: 1 } }]);
  const letter = (id: string, code: string, message: string) => ({
    code,
    message,
    payload: JSON.stringify(anEventBody({ subject: 'acme/chat', id, time: '2024-01-01T00:00:00Z' })),
    jobId: null,
    entity: 'acme',
    project: 'chat',
    source: '/gateways/eu-1',
    eventId: id,
  });
  await insertDeadLetters(app.database.reader, [
    letter('broken-1', 'invalid_tokens', 'prompt_tokens is -4; counts are 0 or more'),
    letter('broken-2', 'invalid_tokens', 'prompt_tokens is -4; counts are 0 or more'),
    letter('old', 'time_out_of_range', 'time is more than 35 days before its job was added'),
  ]);
}

/** Opens an act's dialog, fills it, reads what will happen, makes it, and returns both texts. */
export async function act(
  page: Page,
  {
    open,
    fill,
    verb,
  }: { open: string; fill?: (dialog: ReturnType<Page['getByRole']>) => Promise<void>; verb: string },
): Promise<{ will: string; done: string }> {
  await page.getByRole('button', { name: open, exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await fill?.(dialog);
  await dialog.getByRole('button', { name: 'Review' }).click();
  await dialog.getByText('This will happen:').waitFor();
  const will = await dialog.innerText();
  await dialog.getByRole('button', { name: verb, exact: true }).click();
  await dialog.getByRole('button', { name: 'Close', exact: true }).waitFor();
  const done = await dialog.getByRole('status').first().innerText();
  return { will, done };
}

export async function closeDialog(page: Page): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/**
 * Of a page in both themes and at every width: what axe finds, whether the page scrolls to the side, and what the browser complained of.
 * `CONSOLE_SHOTS` names a folder for pictures.
 */
export async function troublesOf(
  world: ConsoleWorld,
  { address, ready }: { address: string; ready: (page: Page) => Promise<unknown> },
): Promise<string[]> {
  const folder = process.env['CONSOLE_SHOTS'];
  const name = address.slice(1).replace(/\W+/g, '-');
  const troubles: string[] = [];
  for (const theme of ['light', 'dark'] as const) {
    const { page, complaints, close } = await world.open(address, { theme });
    await ready(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const over = await overflowOf(page);
      const findings = [...(await axeFindings(page)), ...(over > 0 ? [`${over} pixels too wide`] : [])];
      troubles.push(...findings.map((finding) => `${theme}, ${width}: ${finding}`));
      if (folder !== undefined)
        await page.screenshot({ path: `${folder}/${name}-${theme}-${width}.png`, fullPage: true });
    }
    troubles.push(...complaints);
    await close();
  }
  return troubles;
}
