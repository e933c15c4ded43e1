import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { bookkeepingOver } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const seconds = (time: string): number => Date.parse(time) / 1000;
const at = (day: number, hour = 8) => new Date(Date.UTC(2026, 10, day, hour));

describe('a statement', () => {
  const clock = new TestClock();
  let app: TestApp;
  let grant: string;
  let gift: string;
  /** 100 × $0.71 per million and so on: fractions of cents everywhere. */
  const events = [
    anEvent({
      occurredAt: at(3),
      quantities: { input: 1_000_000, cached_input: 500_000 },
    }),
    anEvent({ occurredAt: at(4), quantities: { output: 2_345_678 }, apiKeyId: 'key_7' }),
    anEvent({
      occurredAt: at(5),
      subject: 'entity1/chat',
      model: '<b>"new"</b>',
      quantities: { input: 7 },
    }),
  ];
  beforeAll(async () => {
    app = await anApp({ clock });
    clock.set('2026-11-02T00:00:00Z');
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
    const buy = async (body: object) =>
      String((await app.call('POST /v1/admin/entities/entity1/credits', { body })).body.id);
    gift = await buy({ amount_usd: '0.333', category: 'promotional', expires_at: '2026-11-19T00:00:00Z' });
    grant = await buy({ amount_usd: '1', reference: '<script>alert(1)</script>' });
    clock.set('2026-11-22T12:00:00Z');
    await recordUsage(app, events);
  });
  afterAll(() => app.close());

  const read = async (period = '2026-11') =>
    (await app.call(`GET /v1/entities/entity1/statements/${period}`)).body;

  it('stands in the list of months, newest first, with what the month was charged and what paid it', async () => {
    const { body } = await app.call('GET /v1/entities/entity1/statements');
    const { charges } = await read();
    expect(body).toMatchObject({
      object: 'statement_months',
      months: [
        { period: '2026-11', status: 'draft', number: null, closed_at: null, overage_usd: charges.exact_usd },
      ],
    });
  });

  it('of an open month is a draft: usage, what credits paid, what is due, and the credits', async () => {
    const statement = await read();
    expect(statement).toMatchObject({
      object: 'statement',
      entity: 'entity1',
      period: '2026-11',
      start_time: seconds('2026-11-01T00:00:00Z'),
      end_time: seconds('2026-12-01T00:00:00Z'),
      status: 'draft',
      number: null,
      closed_at: null,
      as_of: seconds('2026-11-22T12:00:00Z'),
      currency: 'usd',
    });
    const { lines, ...due } = statement.charges;
    expect(lines).toMatchObject([
      {
        kind: 'usage',
        project: 'chat',
        model: '<b>"new"</b>',
        unit_price_usd_per_million: null,
        quantity: 7,
        amount_usd: '0.00',
      },
      {
        kind: 'usage',
        project: 'project1',
        meter: 'input',
        label: 'input',
        unit: 'token',
        service_tier: 'default',
        quantity: 1_000_000,
        unit_price_usd_per_million: '0.71',
        exact_usd: '0.71',
        amount_usd: '0.71',
      },
      {
        meter: 'cached_input',
        label: 'cached input',
        quantity: 500_000,
        exact_usd: '0.355',
        amount_usd: '0.36',
        correction_of: null,
      },
      { meter: 'output', quantity: 2_345_678, exact_usd: '1.66543138', amount_usd: '1.67' },
      { kind: 'credits_applied', grant, category: 'paid', exact_usd: '-1', amount_usd: '-1.00' },
      { kind: 'rounding', amount_usd: '-0.01' },
    ]);
    expect(due).toEqual({ exact_usd: '1.73043138', amount_usd: '1.73' });
    expect(statement.credits).toMatchObject({
      lines: [
        { kind: 'opening_balance', amount_usd: '0.00' },
        { kind: 'purchase', grant, amount_usd: '1.00', expires_at: null },
        { kind: 'promotion', grant: gift, category: 'promotional', exact_usd: '0.333', amount_usd: '0.33' },
        { kind: 'burn', grant, exact_usd: '-1' },
      ],
      exact_usd: '0.333',
      amount_usd: '0.33',
    });
  });

  it('agrees with the balance', async () => {
    const { body } = await app.call('GET /v1/entities/entity1/balance');
    expect(body.overage_usd).toBe((await read()).charges.exact_usd);
  });

  it('links each line to the events behind it', async () => {
    const key = await app.key('finance', 'entity1');
    const { charges } = await read();
    for (const line of charges.lines.filter(({ kind }: { kind: string }) => kind === 'usage')) {
      const { body } = await app.call(`GET ${line.events_url}`, { key });
      const sum = body.data.reduce(
        (total: number, event: { quantities: Record<string, number> }) =>
          total + (event.quantities[line.meter] ?? 0),
        0,
      );
      expect([line.meter, sum]).toEqual([line.meter, line.quantity]);
    }
  });

  it('is an HTML page: complete, without scripts, everything escaped', async () => {
    const page = await app.call('GET /v1/entities/entity1/statements/2026-11', {
      headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' },
    });
    expect([page.status, page.headers.get('content-type'), page.headers.get('vary')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'accept, accept-encoding',
    ]);
    const style = /<style>([^]*?)<\/style>/.exec(page.text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).not.toContain('unsafe');
    expect(page.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page.text).toContain('&lt;b&gt;&quot;new&quot;&lt;/b&gt;');
    expect(page.text).not.toMatch(/<script|<b>|style=|https?:|\son\w+=/);
    expect(page.text).toContain('@media print');
    for (const shown of [
      'Draft',
      '2,345,678',
      '$1.73',
      '−$1.00',
      'No price yet',
      'Closing balance',
      'Rounding',
    ]) {
      expect(page.text).toContain(shown);
    }
    // The three meters of a model share one name cell.
    expect(page.text.match(/<td rowspan="3">project1<\/td>/g)).toHaveLength(1);
  });

  it.each([
    [undefined, 'json'],
    ['*/*', 'json'],
    ['application/json', 'json'],
    ['text/html;q=0.5, application/json', 'json'],
    ['text/html', 'html'],
    ['application/json;q=0.1, text/*', 'html'],
    ['text/html;q=0, */*', 'json'],
    ['image/png', 'json'],
    ['application/pdf', 'pdf'],
    ['application/pdf, application/json', 'json'],
    ['text/html;q=0.9, application/pdf', 'pdf'],
  ])('for Accept %j is %s', async (accept, form) => {
    const answer = await app.call('GET /v1/entities/entity1/statements/2026-11', {
      headers: accept === undefined ? {} : { accept },
    });
    expect(answer.headers.get('content-type')).toContain(form);
  });

  it.each([
    ['2026-13', 400],
    ['2026-12', 404],
  ])('of %s is refused with %d', async (period, status) => {
    expect((await app.call(`GET /v1/entities/entity1/statements/${period}`)).status).toBe(status);
  });

  it('of an entity without usage is empty', async () => {
    await app.call('PUT /v1/admin/entities/quiet', { body: { plan: 'free' } });
    const { body } = await app.call('GET /v1/entities/quiet/statements/2026-11');
    expect([body.charges.lines, body.charges.amount_usd, body.credits.amount_usd]).toEqual([
      [],
      '0.00',
      '0.00',
    ]);
  });

  it('of a closed month has a number and never changes; what comes later is a correction in the open month', async () => {
    const books = bookkeepingOver({ database: app.database, clock });
    clock.set('2026-12-04T00:00:00Z');
    expect(await books.periods.closePeriods()).toBe(2);
    const final = await read();
    expect(final).toMatchObject({
      status: 'final',
      number: 'ST-000001',
      closed_at: seconds('2026-12-04T00:00:00Z'),
      charges: { amount_usd: '1.73' },
    });
    clock.set('2026-12-05T00:00:00Z');
    await recordUsage(app, [anEvent({ occurredAt: at(29), quantities: { input: 10_000_000 } })]);
    const { voids } = books;
    const { source, id } = events[0]!;
    const located = await voids.locate({ source, id, occurredAt: at(3), entity: null });
    await app.database.transaction((tx) => voids.void(tx, located, { reason: 'double', actor: 'test' }));

    expect(await read()).toEqual({ ...final, as_of: seconds('2026-12-05T00:00:00Z') });
    const open = await read('2026-12');
    expect(open.charges).toMatchObject({
      lines: [
        { meter: 'input', quantity: 9_000_000, correction_of: '2026-11', exact_usd: '6.39' },
        { meter: 'cached_input', quantity: -500_000, correction_of: '2026-11', amount_usd: '-0.36' },
        { kind: 'credits_applied', grant, exact_usd: '1' },
        { kind: 'rounding', amount_usd: '0.01' },
      ],
      exact_usd: '7.035',
      amount_usd: '7.04',
    });
    expect(open.credits.lines[0]).toMatchObject({
      kind: 'opening_balance',
      exact_usd: final.credits.exact_usd,
    });
    const late = await app.call('GET /v1/entities/entity1/events?period=2026-12');
    expect(late.body.data).toMatchObject([
      { late: true, period: '2026-12', corrections: [] },
      {
        event_id: id,
        late: false,
        period: '2026-11',
        corrections: [
          { kind: 'void', period: '2026-12', change_usd: '-1.065', reason: 'double', price: null },
        ],
      },
    ]);
  });
});
