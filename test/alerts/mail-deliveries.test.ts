import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MAILS_OF_DAY_MAX, MailDeliveries } from '../../src/alerts/mail-deliveries.js';
import { MailSender } from '../../src/alerts/mail-sender.js';
import { newEvent } from '../../src/alerts/event.js';
import { anApp, type TestApp } from '../support/app.js';
import {
  aMailServer as startMailServer,
  type MailServer,
  type MailServerOptions,
} from '../support/mail-server.js';
import { TestClock } from '../support/test-clock.js';

const FROM = 'Tally <billing@example.com>';
const clock = new TestClock();
let app: TestApp;
let owner: string;
let servers: MailServer[] = [];
beforeAll(async () => {
  app = await anApp({ clock });
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
  owner = await app.key('owner', 'entity1');
});
afterAll(() => app.close());
beforeEach(async () => {
  clock.set('2026-11-22T12:00:00Z');
  await app.postgres.pool.query('truncate mail_deliveries');
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

async function aMailServer(options?: MailServerOptions): Promise<MailServer> {
  const server = await startMailServer(options);
  servers.push(server);
  return server;
}

const mailsThrough = (url: string | null) =>
  new MailDeliveries(app.database, clock, new MailSender(url === null ? null : { url, from: FROM }));

type Content = { entity?: string; recipients?: readonly string[]; subject?: string; body?: string };

async function queue(mails: MailDeliveries, content: Content = {}): Promise<string> {
  const {
    entity = 'entity1',
    recipients = ['a@example.com'],
    subject = 'News',
    body = 'It is so.',
  } = content;
  const at = clock.now();
  const event = newEvent({ type: 'test', at, data: {} });
  await app.database.transaction((tx) =>
    mails.enqueue(tx, [{ event, entity, recipients, subject, body }], at),
  );
  return event.id;
}

const log = async (query = '', key = app.adminKey) =>
  (await app.call(`GET /v1/admin/mail_deliveries${query}`, { key })).body;

describe('a mail', () => {
  it('goes to each recipient by itself, through a real server, in plain words and in HTML', async () => {
    const { url, taken } = await aMailServer();
    const mails = mailsThrough(url);
    const event = await queue(mails, { recipients: ['a@example.com', 'b@example.com'] });
    expect(await mails.deliver()).toBe(2);
    expect(taken.map(({ from, to }) => `${String(from)} ${to.join()}`).toSorted()).toEqual([
      'billing@example.com a@example.com',
      'billing@example.com b@example.com',
    ]);
    const { text } = taken.find(({ to }) => to.includes('a@example.com'))!;
    expect(text).toMatch(/^From: Tally <billing@example\.com>\r$/m);
    expect(text).toMatch(/^Subject: News\r$/m);
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(text).toContain(`Message-ID: <${event}.1@example.com>`);
    expect(text).toContain('<p>It is so.</p>');
    expect(text).not.toContain('b@example.com');
    expect(
      (await log()).data.map(({ recipient, status }: Record<string, string>) => [recipient, status]),
    ).toEqual([
      ['b@example.com', 'delivered'],
      ['a@example.com', 'delivered'],
    ]);
    expect(await mails.deliver()).toBe(0);
  });

  it.each([
    'a\r\nBcc: c@example.com',
    'a\nBcc: c@example.com',
    'a\rBcc: c@example.com',
    'a\u2028Bcc: c@example.com',
    'a\r\n\r\nBcc: c@example.com',
    '\u0007\u0085Bcc: c@example.com',
  ])('has no header that a text brought along: %j', async (text) => {
    const { url, taken } = await aMailServer();
    const mails = mailsThrough(url);
    await queue(mails, { subject: text, body: `${text} <script>alert(1)</script> & "more"` });
    await mails.deliver();
    expect(taken.map(({ to }) => to)).toEqual([['a@example.com']]);
    const [headers = ''] = taken[0]!.text.split('\r\n\r\n');
    expect(headers).not.toMatch(/^bcc:/im);
    expect(taken[0]!.text).not.toMatch(/<p>[^\r]*<script>/);
    expect(taken[0]!.text.replaceAll('=\r\n', '')).toContain(
      '&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;',
    );
  });

  it.each([
    'a@example.com\r\nRCPT TO:<c@example.com>',
    'a@example.com>\r\nDATA',
    'a@example.com, c@example.com',
  ])('goes to nobody else when a recipient is %j', async (recipient) => {
    const { url, taken } = await aMailServer();
    const mails = mailsThrough(url);
    await queue(mails, { recipients: [recipient] });
    await mails.deliver();
    expect(taken.flatMap(({ to }) => to)).not.toContain('c@example.com');
  });

  it('is tried again with growing delays while the server cannot take it, eight times at most', async () => {
    const { url, taken } = await aMailServer({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('later'), { responseCode: 451 })),
    });
    const mails = mailsThrough(url);
    await queue(mails);
    expect(await mails.deliver()).toBe(1);
    clock.advance(59_000);
    expect(await mails.deliver()).toBe(0);
    clock.advance(1_000);
    expect(await mails.deliver()).toBe(1);
    for (let day = 0; day < 10; day += 1) {
      clock.advance(86_400_000);
      await mails.deliver();
    }
    const [mail] = (await log()).data;
    expect([mail.status, mail.attempts.length, taken]).toEqual(['failed', 8, []]);
    expect(mail.attempts[0]).toMatchObject({ status: 451, error: expect.stringContaining('later') });
  });

  it('is not tried again where the server refuses its recipient for good', async () => {
    const { url } = await aMailServer({
      onRcptTo: ({ address }, _session, done) =>
        done(
          address.startsWith('no') ? Object.assign(new Error('nobody here'), { responseCode: 550 }) : null,
        ),
    });
    const mails = mailsThrough(url);
    await queue(mails, { recipients: ['no@example.com', 'yes@example.com'] });
    expect(await mails.deliver()).toBe(2);
    const byRecipient = Object.fromEntries(
      (await log()).data.map(({ recipient, status }: Record<string, string>) => [recipient, status]),
    );
    expect(byRecipient).toEqual({ 'no@example.com': 'failed', 'yes@example.com': 'delivered' });
  });

  it('waits for a server that is down, and is delivered when it is back', async () => {
    const down = mailsThrough('smtp://127.0.0.1:65535');
    await queue(down);
    expect(await down.deliver()).toBe(1);
    expect((await log()).data[0]).toMatchObject({ status: 'pending', attempts: [{ status: null }] });
    const { url, taken } = await aMailServer();
    clock.advance(60_000);
    expect(await mailsThrough(url).deliver()).toBe(1);
    expect(taken.length).toBe(1);
    expect((await log()).data[0]).toMatchObject({ status: 'delivered', next_attempt_at: null });
  });

  it('is sent once, however many processes deliver', async () => {
    const { url, taken } = await aMailServer();
    await queue(mailsThrough(url), {
      recipients: Array.from({ length: 30 }, (_, index) => `a${index}@example.com`),
    });
    await Promise.all(Array.from({ length: 4 }, () => mailsThrough(url).deliver()));
    await mailsThrough(url).deliver();
    expect(new Set(taken.map(({ to }) => to[0])).size).toBe(30);
    expect(taken.length).toBe(30);
  });

  it('is taken entity by entity, so that many of one delay no other', async () => {
    const { url, taken } = await aMailServer();
    const mails = mailsThrough(url);
    await queue(mails, { recipients: Array.from({ length: 50 }, (_, index) => `a${index}@example.com`) });
    clock.advance(1);
    await queue(mails, { entity: 'entity2', recipients: ['other@example.com'] });
    await mails.deliver();
    expect(taken.findIndex(({ to }) => to.includes('other@example.com'))).toBeLessThan(2);
  });

  it('logs in where the URL has a user and a password, which no log shows', async () => {
    const logins: (string | undefined)[] = [];
    const { url, taken } = await aMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => {
        logins.push(username);
        if (password === 'pa:ss') done(null, { user: username });
        else done(new Error('who are you'));
      },
    });
    const withUser = (password: string) => url.replace('//', `//ann:${encodeURIComponent(password)}@`);
    await queue(mailsThrough(withUser('pa:ss')));
    await mailsThrough(withUser('wrong-secret')).deliver();
    const { rows } = await app.postgres.pool.query('select attempt_log from mail_deliveries');
    expect(JSON.stringify(rows)).not.toContain('wrong-secret');
    clock.advance(60_000);
    await mailsThrough(withUser('pa:ss')).deliver();
    expect([taken.length, logins]).toEqual([1, ['ann', 'ann']]);
  });

  it('is one of at most so many of an entity and day; the rest are in the log as failed', async () => {
    const mails = mailsThrough('smtp://127.0.0.1:65535');
    const recipients = Array.from({ length: 50 }, (_, index) => `a${index}@example.com`);
    for (let sent = 0; sent < MAILS_OF_DAY_MAX + 50; sent += 50) await queue(mails, { recipients });
    await queue(mails, { entity: 'entity2' });
    const statusOf = async (entity: string) =>
      (
        await app.postgres.pool.query(
          'select status, count(*)::integer from mail_deliveries where entity = $1 group by 1 order by 1',
          [entity],
        )
      ).rows;
    expect(await statusOf('entity1')).toEqual([
      { status: 'failed', count: 50 },
      { status: 'pending', count: MAILS_OF_DAY_MAX },
    ]);
    expect(await statusOf('entity2')).toEqual([{ status: 'pending', count: 1 }]);
    clock.advance(86_400_000);
    await queue(mails);
    expect((await log('?status=pending&limit=1')).data[0].created_at).toBe(clock.now().getTime() / 1000);
  });

  it('is in the log of its entity alone, page by page, and is pruned after a month', async () => {
    const mails = mailsThrough(null);
    await queue(mails, { recipients: ['a@example.com', 'b@example.com', 'c@example.com'] });
    await queue(mails, { entity: 'entity2' });
    await queue(mails, { entity: '' });
    expect((await log()).data.length).toBe(5);
    const first = await log('?limit=2', owner);
    expect([first.data.length, first.has_more]).toEqual([2, true]);
    const rest = await log(`?after=${first.last_id}`, owner);
    expect([rest.data.length, rest.has_more]).toEqual([1, false]);
    expect(rest.data[0]).toMatchObject({
      entity: 'entity1',
      status: 'failed',
      attempts: [{ error: 'no mail server is set up (SMTP_URL)' }],
    });
    const { id: foreign } = (await log()).data.find(({ entity }: { entity: string }) => entity === 'entity2');
    for (const after of [foreign, 'none']) {
      const refused = await app.call(`GET /v1/admin/mail_deliveries?after=${after}`, { key: owner });
      expect([refused.status, refused.body.error.param]).toEqual([400, 'after']);
    }
    clock.advance(30 * 86_400_000 + 1);
    expect(await mails.prune()).toBe(5);
  });
});

describe('where no mail server is set up', () => {
  const ask = (recipients: readonly string[]) =>
    app.call('POST /v1/organization/spend_alerts', {
      key: owner,
      body: { threshold_amount: 100, notification_channel: { recipients } },
    });

  it('an alert that is to mail is refused, and told what to do', async () => {
    const { status, body } = await ask(['a@example.com']);
    expect([status, body.error.param]).toEqual([400, 'notification_channel.recipients']);
    expect(body.error.message).toMatch(/SMTP_URL and SMTP_FROM.*POST \/v1\/admin\/webhooks/);
  });

  it('an alert shows whether anybody is told', async () => {
    const { body: alert } = await ask([]);
    expect(alert.undeliverable).toMatch(/^nobody is told/);
    await app.call('POST /v1/admin/webhooks', { key: owner, body: { url: 'https://example.com' } });
    const one = await app.call(`GET /v1/organization/spend_alerts/${alert.id}`, { key: owner });
    expect(one.body.undeliverable).toBeNull();
    await app.postgres.pool.query(`update spend_alerts set recipients = '{a@example.com}'`);
    const [listed] = (await app.call('GET /v1/organization/spend_alerts', { key: owner })).body.data;
    expect(listed.undeliverable).toMatch(/no mail server is set up/);
  });
});
