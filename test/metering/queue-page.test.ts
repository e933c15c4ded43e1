/** The page of the queues: admins look, and nobody can pause, change or remove a job with it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { anApp, type TestApp } from '../support/app.js';
import { anEventBody } from '../support/builders.js';

const JOBS = '/admin/queues/api/queues';

describe('the page of the queues', () => {
  let app: TestApp;
  let connection: Redis;
  let queue: Queue;
  beforeAll(async () => {
    app = await anApp();
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'free' } });
    connection = new Redis(app.redis.url, { maxRetriesPerRequest: null });
    queue = new Queue(USAGE_QUEUE, { connection });
    await queue.add(USAGE_JOB, [anEventBody()], { jobId: 'a-job' });
  });
  afterAll(async () => {
    await queue.close();
    connection.disconnect();
    await app.close();
  });

  const cookieFor = async (api_key: string): Promise<string> => {
    const { headers } = await app.call('POST /dashboard/session', { key: null, body: { api_key } });
    return headers.get('set-cookie')!.split(';', 1)[0]!;
  };

  it('shows an admin the jobs of all queues', async () => {
    const cookie = await cookieFor(app.adminKey);
    const asAdmin = (path: string) => app.call(`GET ${path}`, { key: null, headers: { cookie } });
    const page = await asAdmin('/admin/queues');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toContain('<base href="/admin/queues/" />');
    for (const path of [`queue/${USAGE_QUEUE}?status=waiting`, `queue/${USAGE_QUEUE}/a-job`])
      expect((await asAdmin(`/admin/queues/${path}`)).text).toBe(page.text);
    const { body } = await asAdmin(`${JOBS}?activeQueue=${USAGE_QUEUE}&status=waiting&page=1`);
    const names = body.queues.map(({ name }: { name: string }) => name);
    expect(names.toSorted()).toEqual(
      [USAGE_QUEUE, 'upkeep-money', 'upkeep-months', 'upkeep-outbound', 'upkeep-slow'].toSorted(),
    );
    expect(body.queues.every(({ readOnlyMode }: { readOnlyMode: boolean }) => readOnlyMode)).toBe(true);
    const job = await asAdmin(`${JOBS}/${USAGE_QUEUE}/a-job`);
    expect([job.status, job.body.job.id]).toEqual([200, 'a-job']);
  });

  it('leads everybody else to the sign-in and back to the same view, and shows them nothing', async () => {
    const view = `/admin/queues/queue/${USAGE_QUEUE}?status=failed`;
    const ledTo = async (headers: Record<string, string>) => {
      const { status, headers: sent } = await fetch(app.url + view, { redirect: 'manual', headers });
      expect([status, sent.get('cache-control')]).toEqual([303, 'no-store']);
      const { pathname, searchParams } = new URL(sent.get('location')!, app.url);
      return [pathname, searchParams.get('to')];
    };
    const keys = [await app.key('gateway'), await app.key('finance'), await app.key('owner', 'entity1')];
    for (const key of keys) {
      const cookie = await cookieFor(key);
      expect(await ledTo({ cookie })).toEqual(['/dashboard/sign-in', view]);
      expect((await app.call(`GET ${JOBS}`, { key: null, headers: { cookie } })).status).toBe(403);
      expect((await app.call(`GET ${JOBS}`, { key })).status).toBe(403);
    }
    expect(await ledTo({})).toEqual(['/dashboard/sign-in', view]);
    expect((await app.call(`GET ${JOBS}`, { key: null })).status).toBe(401);
  });

  it.each([
    ['PUT', `${JOBS}/${USAGE_QUEUE}/a-job/clean`],
    ['PUT', `${JOBS}/${USAGE_QUEUE}/a-job/retry`],
    ['PUT', `${JOBS}/${USAGE_QUEUE}/clean/waiting`],
    ['PUT', `${JOBS}/${USAGE_QUEUE}/pause`],
    ['PUT', `${JOBS}/${USAGE_QUEUE}/empty`],
    ['PUT', `${JOBS}/${USAGE_QUEUE}/obliterate`],
    ['PATCH', `${JOBS}/${USAGE_QUEUE}/a-job/update-data`],
    ['POST', `${JOBS}/${USAGE_QUEUE}/add`],
    ['PUT', `${JOBS}/pause`],
    ['DELETE', `${JOBS}/${USAGE_QUEUE}/a-job`],
  ])('has no %s %s, also for an admin', async (method, path) => {
    const opened = await app.call('POST /dashboard/session', { key: null, body: { api_key: app.adminKey } });
    const cookie = opened.headers.get('set-cookie')!.split(';', 1)[0]!;
    const headers = { cookie, 'x-csrf-token': opened.body.csrf_token };
    for (const options of [{ key: null, headers }, {}])
      expect((await app.call(`${method} ${path}`, { ...options, body: {} })).status).toBe(404);
    expect(await queue.getJobCountByTypes('waiting')).toBe(1);
    expect(await queue.isPaused()).toBe(false);
  });

  it('loads from its own host alone, under the policy of the dashboard', async () => {
    const cookie = await cookieFor(app.adminKey);
    const page = await app.call('GET /admin/queues', { key: null, headers: { cookie } });
    expect(page.headers.get('content-security-policy')).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    expect(page.text).not.toMatch(/https?:\/\//);
    expect(page.text).not.toMatch(/<style|style="|<%/);
    for (const [, file] of page.text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)) {
      const answer = await app.call(`GET /admin/queues/${file}`, { key: null });
      expect([file, answer.status]).toEqual([file, 200]);
    }
    expect((await app.call('GET /admin/queues/static/..%2f..%2fpackage.json', { key: null })).status).toBe(
      404,
    );
  });
});
