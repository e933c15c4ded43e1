/** What tables of the console show, read from the page: exact amounts stand beside the pointer. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { exactUsd, picosOf } from '../../packages/console/src/parts/money.js';
import { readCsv } from './csv-reader.js';

/** As much of an element as tests read of it. What reads it runs in the page, so the program has no DOM of its own. */
export type PageElement = {
  readonly textContent: string | null;
  readonly children: Iterable<PageElement>;
  getAttribute(name: string): string | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
};

/** The exact amounts within the elements that the selector finds, in their order. */
export function exactIn(page: Page, selector: string): Promise<string[]> {
  return page
    .locator(`${selector} .amount`)
    .evaluateAll((all: PageElement[]) =>
      all.map((one) => /^\$(\S+) exactly$/.exec(one.getAttribute('title') ?? '')?.[1] ?? ''),
    );
}

/** Each row of a table by the heads of its columns: an amount exactly, everything else as it is read. */
export function rowsIn(page: Page, selector: string): Promise<Record<string, string>[]> {
  return page.locator(`${selector} table`).evaluate((table: PageElement) => {
    const heads = [...table.querySelectorAll('thead th')].map(
      (head) => head.textContent?.replace(/ [↑↓]$/, '') ?? '',
    );
    return [...table.querySelectorAll('tbody tr:not(.space)')].map((row) =>
      Object.fromEntries(
        [...row.children].map((cell, at) => {
          const title = cell.querySelector('.amount')?.getAttribute('title') ?? '';
          return [heads[at], /^\$(\S+) exactly$/.exec(title)?.[1] ?? cell.textContent?.trim()];
        }),
      ),
    );
  });
}

export function sumUsd(amounts: readonly string[]): string {
  return exactUsd(amounts.reduce((total, each) => total + picosOf(each), 0n));
}

/** The file that a button saves. */
export async function savedBy(page: Page, button: string): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).first().click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

/** The rows of a CSV file by the heads of its columns. */
export function csvRows(text: string): Record<string, string>[] {
  const [heads = [], ...rows] = readCsv(text);
  return rows.map((row) => Object.fromEntries(row.map((cell, at) => [heads[at] ?? '', cell])));
}
