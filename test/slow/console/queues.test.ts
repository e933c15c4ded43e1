/** The page of the queues in a browser: an admin comes to it by the console's sign-in, finds a job, and signs out; others read why they may not. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Page } from 'playwright-core';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { anApp, type TestApp } from '../../support/app.js';
import { aBrowser, describeDashboard, type TestBrowser } from '../../support/browser.js';
import { anEventBody } from '../../support/builders.js';
import type { PageElement } from '../../support/console-tables.js';
import { axeFindings } from '../../support/console-world.js';

/** Styles that it sets inline are blocked, which it does without; what it loads ahead it may not need. */
const HARMLESS = /style-src 'self'|was preloaded using link preload/;
/** The icon that browsers ask each host for. */
const NO_ICON = /404/;
const JOB = `/admin/queues/queue/${USAGE_QUEUE}/a-job-to-find`;

describeDashboard(() => {
  let app: TestApp;
  let browser: TestBrowser;
  let connection: Redis;
  let queue: Queue;
  beforeAll(async () => {
    [app, browser] = await Promise.all([anApp(), aBrowser()]);
    await app.call('PUT /v1/admin/entities/acme', { body: { plan: 'free' } });
    connection = new Redis(app.redis.url, { maxRetriesPerRequest: null });
    queue = new Queue(USAGE_QUEUE, { connection });
    await queue.add(USAGE_JOB, [anEventBody()], { jobId: 'a-job-to-find' });
  });
  afterAll(async () => {
    await queue.close();
    connection.disconnect();
    await browser.close();
    await app.close();
  });

  const signIn = async (page: Page, key: string) => {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  it('an admin signs in and finds the job that was looked for, nothing is asked of another host, and signing out ends it', async () => {
    const { page, complaints, close } = await browser.open();
    await page.goto(app.url + JOB);
    await signIn(page, app.adminKey);
    await page.getByText('a-job-to-find').first().waitFor();
    expect(new URL(page.url()).pathname).toBe(JOB);
    await page.goto(`${app.url}/admin/queues`);
    await page.getByText('upkeep-money').first().waitFor();
    for (const action of ['Clean', 'Remove', 'Empty', 'Obliterate', 'Pause', 'Retry', 'Promote'])
      expect(await page.getByRole('button', { name: action }).count()).toBe(0);
    await page.goto(`${app.url}/dashboard/sign-out`);
    await page.getByText('You are signed in with the key first admin key.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    await page.goto(`${app.url}/admin/queues`);
    await page.getByRole('heading', { name: 'Sign in to Tally' }).waitFor();
    expect(complaints.filter((text) => !HARMLESS.test(text) && !NO_ICON.test(text))).toEqual([]);
    await close();
  });

  it('leads to the console and to signing out', async () => {
    const { page, close } = await browser.open();
    await page.goto(`${app.url}/admin/queues`);
    await signIn(page, app.adminKey);
    await page.getByText('upkeep-money').first().waitFor();
    await page.locator('ul[class^="actions"] > li:last-child button').click();
    await page.getByText('Sign out').waitFor();
    const links = await page
      .locator('a[href^="/dashboard"]')
      .evaluateAll((all: PageElement[]) => all.map((link) => link.getAttribute('href')));
    expect(links).toEqual(['/dashboard/operations', '/dashboard/sign-out']);
    await close();
  });

  it('a key that is no admin’s reads who may see it, and can make room for one that is', async () => {
    const { body } = await app.call('POST /v1/admin/keys', {
      body: { name: 'books', role: 'finance', entity: 'acme' },
    });
    const { page, complaints, close } = await browser.open();
    await page.goto(`${app.url}/admin/queues`);
    await signIn(page, body.secret);
    await page
      .getByText(
        'You are signed in with the key books, whose role is finance. The jobs of the queues can be seen by an admin.',
      )
      .waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.getByRole('button', { name: 'Sign in with another key' }).click();
    await signIn(page, app.adminKey);
    await page.getByText('upkeep-money').first().waitFor();
    expect(new URL(page.url()).pathname).toBe('/admin/queues');
    await close();
  });

  it('the sign-in leads to no other host and to no other page of the service, whatever its address says', async () => {
    const { page, close } = await browser.open();
    await page.goto(`${app.url}/dashboard/customers`);
    await signIn(page, app.adminKey);
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    for (const to of ['//evil.example/', 'https://evil.example/', '/admin/queues.evil', '/docs']) {
      await page.goto(`${app.url}/dashboard/sign-in?to=${encodeURIComponent(to)}`);
      await page.getByRole('heading', { name: 'No such page' }).waitFor();
      expect(page.url()).toContain(`${app.url}/dashboard/`);
    }
    await close();
  });
});
