/** A real Chromium without a screen, with a profile of its own that ends with it. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { chromium, type Page } from 'playwright-core';

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

/** Far more than a busy machine takes to start it, or to show what a test waits for. */
const WAIT_MS_MAX = 120_000;

export const WIDE = { width: 1280, height: 900 };
export const PHONE = { width: 375, height: 800 };

export type Theme = 'light' | 'dark';

export type TestWindow = {
  readonly page: Page;
  /** What the page logged as an error, threw, or asked of another host or against its policy. */
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
};

export type TestBrowser = {
  /** A window with cookies and storage of its own. */
  open(look?: {
    size?: { width: number; height: number };
    theme?: Theme;
    /** Pixels of a picture for each of the page's. */
    scale?: number;
  }): Promise<TestWindow>;
  close(): Promise<void>;
};

/** CI installs the browser, so there a missing one is a failure. */
export function describeDashboard(tests: () => void): void {
  describe('the dashboard', () => {
    if (existsSync(CHROMIUM)) tests();
    else
      it(`is NOT TESTED here: ${CHROMIUM} is missing (apt-get install chromium)`, () =>
        expect(process.env['CI']).not.toBe('true'));
  });
}

export async function aBrowser(): Promise<TestBrowser> {
  // Playwright gives each browser a new folder for its profile and removes it at the end.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: WAIT_MS_MAX });
  return {
    async open({ size = WIDE, theme = 'light', scale = 1 } = {}) {
      // The viewer is far from UTC, so that a local time anywhere on the page shows.
      const context = await browser.newContext({
        viewport: size,
        colorScheme: theme,
        deviceScaleFactor: scale,
        timezoneId: 'America/Los_Angeles',
      });
      context.setDefaultTimeout(WAIT_MS_MAX);
      const complaints: string[] = [];
      const page = watched(await context.newPage(), complaints);
      return { page, complaints, close: () => context.close() };
    },
    close: () => browser.close(),
  };
}

function watched(page: Page, complaints: string[]): Page {
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
