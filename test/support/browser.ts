/** A real Chromium without a window, with a profile of its own that ends with it. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const WIDE = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 800 };

export type Theme = 'light' | 'dark';

export type TestBrowser = {
  readonly page: Page;
  /** What the page logged as an error, threw, or asked of another host or against its policy. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
};

/** CI installs the browser, so there a missing one is a failure and not a reason to skip. */
export function hasBrowser(): boolean {
  return existsSync(CHROMIUM) || process.env['CI'] === 'true';
}

export async function aBrowser({
  size = WIDE,
  theme = 'light',
}: { size?: { width: number; height: number }; theme?: Theme } = {}): Promise<TestBrowser> {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: apt-get install chromium`);
  const profile = await mkdtemp(join(tmpdir(), 'tally-test-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: FLAGS,
    viewport: size,
    colorScheme: theme,
    acceptDownloads: true,
    timezoneId: 'America/Los_Angeles',
  });
  const complaints: string[] = [];
  const page = await openPage(context, complaints);
  return {
    page,
    complaints,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** The viewer is far from UTC, so that a local time anywhere on the page shows. */
async function openPage(context: BrowserContext, complaints: string[]): Promise<Page> {
  const page = context.pages()[0] ?? (await context.newPage());
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complaints.push(`asked ${request.url()}`);
  });
  return page;
}
