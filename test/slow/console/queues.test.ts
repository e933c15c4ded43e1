/** The page of the queues in a browser: an admin signs in, finds a job, and signs out. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { anApp, type TestApp } from '../../support/app.js';
import { aBrowser, describeDashboard, type TestBrowser } from '../../support/browser.js';
import { anEventBody } from '../../support/builders.js';

/** Styles that it sets inline are blocked, which it does without; what it loads ahead it may not need. */
const HARMLESS = /style-src 'self'|was preloaded using link preload/;
/** The icon that browsers ask each host for. */
const NO_ICON = /404/;

describeDashboard(() => {
  let app: TestApp;
  let browser: TestBrowser;
  let connection: Redis;
  let queue: Queue;
  beforeAll(async () => {
    [app, browser] = await Promise.all([anApp(), aBrowser()]);
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

  it('the queues: an admin signs in and finds a job, nothing is asked of another host, and signing out ends it', async () => {
    const window = await browser.open();
    const { page, complaints } = window;
    await page.goto(`${app.url}/admin/queues`);
    await page.getByLabel('API key').fill(app.adminKey);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('upkeep-money').first().waitFor();
    await page.goto(`${app.url}/admin/queues/queue/${USAGE_QUEUE}/a-job-to-find`);
    await page.getByText('a-job-to-find').first().waitFor();
    for (const action of ['Clean', 'Remove', 'Empty', 'Obliterate', 'Pause', 'Retry', 'Promote'])
      expect(await page.getByRole('button', { name: action }).count()).toBe(0);
    expect(complaints.filter((complaint) => !HARMLESS.test(complaint) && !NO_ICON.test(complaint))).toEqual(
      [],
    );
    await page.goto(`${app.url}/dashboard/old-report/queues.html`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await page.goto(`${app.url}/admin/queues`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await window.close();
  });
});
