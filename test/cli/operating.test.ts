/** Commands for those who run the service: queues, conflicts in bulk, webhooks, alerts, plans, retention, persons, books, documents. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { anEventBody } from '../support/builders.js';
import { aCliWorld, SOURCE, type CliWorld } from '../support/cli-world.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await aCliWorld();
});
afterAll(() => world?.close());

const get = async (path: string) => (await world.app.call(`GET ${path}`)).body;
const tally = (command: string) => world.tally(...command.split(' '));
const json = (command: string) => world.json(...command.split(' '));

describe('the queue', () => {
  it('is paused and resumed, and what came meanwhile is counted', async () => {
    expect(await tally('queue pause')).toMatchObject({ code: 2, stderr: expect.stringMatching(/add --yes/) });
    expect((await tally('queue pause --yes')).stdout).toMatch(/^paused +yes$/m);
    await world.app.call('POST /v1/usage/events', {
      body: anEventBody({ id: 'waits', subject: 'acme/search', time: new Date().toISOString() }),
    });
    expect((await tally('inbox')).stdout).toContain('a paused queue');
    expect((await tally('queue resume --yes')).stdout).toMatch(/^paused +no$/m);
    await until('it is counted', async () => (await tally('events show waits --entity acme')).code === 0);
  });
});

describe('conflicts in bulk', () => {
  const conflict = async (id: string) => {
    const sent = (prompt: number) => ({
      body: anEventBody(
        { id, subject: 'acme/search', time: new Date(Date.now() - 1_000).toISOString(), source: SOURCE },
        { usage: { prompt_tokens: prompt, completion_tokens: 1, total_tokens: prompt + 1 } },
      ),
    });
    await world.app.call('POST /v1/usage/events', sent(10));
    await until('it is counted', async () => (await tally(`events show ${id} --entity acme`)).code === 0);
    await world.app.call('POST /v1/usage/events', sent(20));
  };
  const open = async () => (await get('/v1/admin/usage_conflicts?status=open')).data.length;

  it('are counted or reviewed by a filter, after showing how many', async () => {
    await conflict('twice-1');
    await conflict('twice-2');
    await until('three are open', async () => (await open()) === 3);
    const [last] = (await get('/v1/admin/usage_conflicts?status=open')).data;
    const one = await tally(`conflicts count ${last.id} --dry-run`);
    expect(one.stdout).toContain('acme is charged $0.00001491.');
    expect(await open()).toBe(3);
    const dry = await tally('conflicts count --subject acme/search --dry-run');
    expect(dry.stdout).toContain('Count the other contents of 3 conflicts');
    expect(await json('conflicts count --entity acme --limit 1 --yes')).toMatchObject({
      object: 'usage_conflict_batch',
      status: 'counted',
      answered: 1,
      remaining: 2,
    });
    const reviewed = await tally('conflicts review --all --note seen --yes');
    expect([reviewed.code, reviewed.stdout]).toEqual([0, '2 reviewed.\n']);
    expect(await open()).toBe(0);
    expect((await tally('conflicts count --status reviewed --yes')).stdout).toMatch(/^2 counted/);
  });

  it.each([
    ['conflicts count --yes', /needs the id of a conflict, a filter/],
    ['conflicts review --yes', /needs the id of a conflict, a filter/],
    ['conflicts count x --all --yes', /by its id or by a filter, not by both/],
    ['conflicts review --all', /add --yes/],
  ])('%s ends with 2 and changes nothing', async (command, said) => {
    expect(await tally(command)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(said) });
  });
});

describe('webhooks and alerts', () => {
  it('a webhook is made, rotated, sent an event again and deleted; secrets are shown once', async () => {
    const made = await json('webhooks create https://hooks.example.com/acme --entity acme');
    expect(made).toMatchObject({ entity: 'acme', secret: expect.stringMatching(/^whsec_/) });
    const rotated = await json(`webhooks rotate ${made.id} --overlap 1h --yes`);
    expect(rotated.secret).not.toBe(made.secret);
    const sent = await json(`webhooks test ${made.id}`);
    const again = await json(`webhooks resend ${made.id} ${sent.id}`);
    expect(again).toMatchObject({ id: sent.id, status: 'pending' });
    expect((await tally('webhooks list')).stdout).not.toContain(made.secret);
    expect((await tally(`webhooks delete ${made.id} --yes`)).stdout).toBe(`Deleted ${made.id}.\n`);
    expect((await tally(`webhooks deliveries ${made.id}`)).code).toBe(1);
  });

  it('an alert of a customer or of all is made, changed, listed and deleted', async () => {
    const made = await json('alerts create low_balance --below 50 --entity acme');
    expect(made).toMatchObject({ entity: 'acme', kind: 'low_balance', below_usd: '50' });
    const all = await json('alerts create queue_late --older-than 5m');
    expect(all).toMatchObject({ entity: null, older_than_seconds: 300 });
    const changed = `alerts change ${made.id} cap_share --share 80 --project search --entity acme`;
    expect((await tally(changed)).stdout).toContain('80 % of the monthly cap of search');
    expect((await tally('alerts list acme')).stdout).toContain(made.id);
    expect((await tally('alerts')).stdout).toMatch(/usage waits for 5 min/);
    expect((await tally(`alerts delete ${made.id} --entity acme --yes`)).code).toBe(0);
    expect((await tally(`alerts delete ${all.id} --yes`)).stdout).toBe(`Deleted ${all.id}.\n`);
    expect((await tally('alerts')).stdout).toBe('No alerts watch all customers.\n');
    expect((await tally('mail')).stdout).toBe('Nothing was mailed.\n');
  });

  it.each([
    ['alerts create low_balance', /low_balance needs --below/],
    ['alerts create unpriced_usage --below 5', /--below is not of an alert of the kind unpriced_usage/],
    ['alerts create loud --below 5', /Allowed choices are low_balance/],
  ])('%s ends with 2 and says what is missing', async (command, said) => {
    expect(await tally(command)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(said) });
  });
});

describe('plans, retention and persons', () => {
  it('a plan is made and changed, and what is left out stays', async () => {
    await tally('plans set trial --monthly-cap 20 --overage blocked --yes');
    const dry = await tally('plans set trial --monthly-cap none --monthly-credit 5 --dry-run');
    expect(dry.stdout).toMatch(/^monthly cap +\$20\.00 → none$/m);
    await tally('plans set trial --monthly-credit 5 --yes');
    expect(await get('/v1/admin/plans/trial')).toMatchObject({
      monthly_cap_usd: '20',
      monthly_credit_usd: '5',
    });
    expect(await tally('plans set trial --yes')).toMatchObject({ code: 2 });
    expect(await tally('plans set trial --monthly-cap inherit --yes')).toMatchObject({ code: 2 });
  });

  it('retention is shown and changed by kind of data', async () => {
    const dry = await tally('retention set --events 24 --jobs for-ever --dry-run');
    expect(dry.stdout).toMatch(/^usage events one by one +for ever → 24 months$/m);
    await tally('retention set --events 24 --jobs for-ever --yes');
    const kept = { events_months: 24, jobs_months: null };
    expect(await get('/v1/admin/settings/retention')).toMatchObject(kept);
    expect((await tally('retention')).stdout).toMatch(/^usage events one by one +24 months$/m);
    expect((await tally('retention months')).stdout).toContain(`${world.period}  kept`);
    expect(await tally('retention set --yes')).toMatchObject({ code: 2 });
  });

  it('a person is erased from all that names them, and the sums stay', async () => {
    const body = anEventBody(
      { id: 'named', subject: 'acme/search', time: new Date().toISOString() },
      { user_id: 'u_9' },
    );
    await world.app.call('POST /v1/usage/events', { body });
    await until('it is counted', async () => (await json('events list acme --user u_9')).data.length === 1);
    const before = await get('/v1/entities/acme/balance');
    expect(await tally('entity erase acme --yes')).toMatchObject({ code: 2 });
    expect(await json('entity erase acme --user u_9 --yes')).toMatchObject({ object: 'erasure', events: 1 });
    expect((await json('events list acme --user u_9')).data).toEqual([]);
    const { month_to_date_usd: cost } = await get('/v1/entities/acme/balance');
    expect(cost).toBe(before.month_to_date_usd);
  });
});

describe('books and documents', () => {
  it('sums that agree need no repair, and a head that was kept still stands', async () => {
    expect(await tally('repair --yes')).toMatchObject({ code: 2 });
    const repaired = await tally('repair acme --yes');
    expect([repaired.code, repaired.stdout]).toEqual([
      0,
      'All sums are what events, corrections and ledger say.\n',
    ]);
    const [{ head }] = (await json('chains acme')).data;
    expect((await tally(`chains --verify ${head}`)).stdout).toContain('as they were (stands)');
    const forged = head.replace(/.$/, (last: string) => (last === '0' ? '1' : '0'));
    expect(await tally(`chains --verify ${forged}`)).toMatchObject({ code: 1 });
  });

  it('a statement is listed, shown, and written as a PDF', async () => {
    expect((await tally('statement acme')).stdout).toMatch(new RegExp(`^${world.period} +draft`, 'm'));
    const file = join(world.directory, 'statement.pdf');
    const written = await tally(`statement acme ${world.period} --pdf ${file}`);
    expect([written.code, written.stdout]).toEqual([0, expect.stringContaining(`Wrote ${file}`)]);
    expect((await readFile(file)).subarray(0, 5).toString()).toBe('%PDF-');
    expect((await tally(`statement acme ${world.period}`)).stdout).toContain(
      `tally events list acme --period ${world.period}`,
    );
    expect(await tally('statement acme --pdf x')).toMatchObject({ code: 2 });
    expect(await tally(`statement acme ${world.period} --html --json`)).toMatchObject({ code: 2 });
    expect(await tally(`statement acme ${world.period} --pdf ${world.directory}/no/x.pdf`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be written (ENOENT)'),
    });
    expect((await tally(`statement nobody ${world.period} --pdf ${file}`)).code).toBe(1);
  });

  it('FOCUS rows and corrections are listed', async () => {
    const { code, stdout } = await tally(`focus ${world.period} --entity acme`);
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^BilledCost,/)]);
    expect(stdout.trim().split('\n').length).toBeGreaterThan(1);
    await tally(`void ${world.eventId} --entity acme --reason twice --yes`);
    expect((await tally('corrections acme --kind void')).stdout).toMatch(/\bvoid\b.*chatcmpl-1/);
  });

  it('a reservation that has ended is explained by the event that ended it', async () => {
    const { body } = await world.app.call('POST /v1/quota/reservations', {
      body: { project: 'acme/search', model: 'cw_meta-llama_Llama-3.3-70B-Instruct', max_output_tokens: 9 },
    });
    expect((await tally(`explain ${body.id}`)).stdout).toMatch(/^holds /m);
    await world.app.call('POST /v1/usage/events', {
      body: anEventBody(
        { id: 'ends-it', subject: 'acme/search', time: new Date().toISOString() },
        { reservation_id: body.id },
      ),
    });
    await until('it has ended', async () =>
      (await tally(`explain ${body.id}`)).stdout.includes('its usage was counted'),
    );
    expect((await json(`events list acme --reservation ${body.id}`)).data).toMatchObject([
      { event_id: 'ends-it' },
    ]);
    expect((await tally('explain res_nothing.acme')).code).toBe(1);
  });
});
