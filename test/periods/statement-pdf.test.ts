/** Statements as PDF: read back, and compared with the same statement as JSON. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contentsOf, type StatementContents } from '../../src/periods/statement-contents.js';
import { StatementPdf } from '../../src/periods/statement-pdf.js';
import type { Statement } from '../../src/periods/statements.schema.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { pdfText } from '../support/pdf-text.js';
import { bookkeepingOver } from '../support/services.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const at = (month: number, day: number) => new Date(Date.UTC(2026, month - 1, day, 8));

const clock = new TestClock();
let app: TestApp;
beforeAll(async () => {
  clock.set('2026-10-02T00:00:00Z');
  app = await anApp({
    clock,
    environment: { SELLER_NAME: 'Müller & Søn Київ', SELLER_ADDRESS: 'Straße 1\n東京' },
  });
  await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
  const credits = 'POST /v1/admin/entities/entity1/credits';
  const { body: bought } = await app.call(credits, { body: { amount_usd: '9', reference: 'Ελλάς <b>' } });
  const gift = { amount_usd: '2.5', category: 'promotional', expires_at: '2026-12-24T00:00:00Z' };
  await app.call(credits, { body: gift });
  clock.set('2026-11-20T00:00:00Z');
  await recordUsage(app, [
    anEvent({ occurredAt: at(10, 9), quantities: { input: 3_000_000 } }),
    ...Array.from({ length: 40 }, (_, index) =>
      anEvent({
        id: `event-${index}`,
        subject: `entity1/project-${index}`,
        occurredAt: at(11, 1 + (index % 18)),
        quantities: { input: 123_457 + index, cached_input: 54_321, output: 7_001 },
      }),
    ),
    anEvent({ id: 'new', occurredAt: at(11, 3), model: 'a/new model', quantities: { input: 7 } }),
  ]);
  const refund = { amount_usd: '9', reason: 'asked for it', refund: true };
  await app.call(`${credits}/${bought.id}/void`, { body: refund });
});
afterAll(() => app.close());

const PATH = 'GET /v1/entities/entity1/statements/2026-11';
const json = async (): Promise<Statement> => (await app.call(PATH)).body;
async function pdf(): Promise<{ bytes: Buffer; headers: Headers }> {
  const headers = { authorization: `Bearer ${app.adminKey}`, accept: 'application/pdf' };
  const answer = await fetch(`${app.url}${PATH.slice('GET '.length)}`, { headers });
  return { bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers };
}

/** `-1234.50` → `−$1,234.50`. */
const printed = (usd: string) => {
  const digits = Number(usd.replace('-', '')).toLocaleString('en-US', { minimumFractionDigits: 2 });
  return `${usd.startsWith('-') ? '−' : ''}$${digits}`;
};

/** Every amount of the statement, in the order in which a reader meets it. */
function amountsOf({ charges, credits, billed, debt }: Statement): string[] {
  const account = ({ lines, amount_usd }: Statement['charges'] | Statement['credits']) => [
    ...lines.map((line) => line.amount_usd),
    amount_usd,
  ];
  const { charges: due, purchases, refunds } = billed;
  return [
    ...[charges, credits, debt].map(({ amount_usd }) => amount_usd),
    ...account(charges),
    ...account(credits),
    ...[due, purchases, refunds, billed].map(({ amount_usd }) => amount_usd),
    ...[debt.opening, debt.incurred, debt.paid, debt].map(({ amount_usd }) => amount_usd),
  ].map(printed);
}

describe('a statement as PDF', () => {
  it('has every amount of the statement, and each once', async () => {
    const statement = await json();
    const { pages } = await pdfText((await pdf()).bytes);
    const amounts = pages.flat().filter((text) => /^−?\$[\d,]+\.\d\d$/.test(text));
    expect(amounts).toEqual(amountsOf(statement));
    expect(statement.debt.amount_usd).not.toBe('0.00');
    const kinds = statement.charges.lines.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['usage', 'credits_applied', 'rounding']));
  });

  it('has each line with its meter, its quantity and its unit price', async () => {
    const { charges } = await json();
    const texts = (await pdfText((await pdf()).bytes)).pages.flat();
    const quantities = charges.lines.flatMap((line) =>
      line.kind === 'usage' ? [line.quantity.toLocaleString('en-US')] : [],
    );
    let place = 0;
    for (const quantity of quantities) {
      place = texts.indexOf(quantity, place) + 1;
      expect([quantity, place > 0]).toEqual([quantity, true]);
    }
    for (const text of ['Cached input', '0.71', 'per million', 'No price yet', 'Rounding', 'a/new model'])
      expect(texts.map((each) => each.trim())).toContain(text);
  });

  it('names seller and buyer in any alphabet, and writes signs that the font lacks by their number', async () => {
    const texts = (await pdfText((await pdf()).bytes)).pages[0]!;
    expect(texts.slice(0, 6)).toEqual([
      'Statement',
      'Issued by',
      'Müller & Søn Київ',
      'Straße 1',
      '[U+6771][U+4EAC]',
      'Issued to',
    ]);
    const all = (await pdfText((await pdf()).bytes)).pages.flat();
    for (const text of ['Use of prepaid credits (Ελλάς <b>)', 'Correction of 2026-10'])
      expect(all.filter((each) => each === text)).toEqual([text]);
    expect(all).toContainEqual(
      expect.stringMatching(
        /^Draft: the amounts may still change until the month is closed, at 20\d\d-\d\d-04 00:00/,
      ),
    );
  });

  it('says what such a number is, and only where one is printed', async () => {
    const note = /^Text such as U\+6771 in square brackets is the Unicode number/;
    const contents = contentsOf(await json());
    const latin = { ...contents, seller: { name: 'Tally', address: [] } };
    const textsOf = async (of: StatementContents) =>
      (await pdfText(await new StatementPdf().make(of, at(11, 30)))).pages.flat();
    expect(await textsOf(contents)).toContainEqual(expect.stringMatching(note));
    expect(await textsOf(latin)).not.toContainEqual(expect.stringMatching(note));
  });

  it('has the head of a long table on each of its pages, and numbers its pages', async () => {
    const { pages } = await pdfText((await pdf()).bytes);
    expect(pages.length).toBeGreaterThan(2);
    const heads = pages.map((texts) => texts.includes('Quantity') && texts.includes('Unit price'));
    const parted = pages.map((texts) => texts.some((text) => text.startsWith('project-')));
    expect(heads).toEqual(heads.map((has, index) => has || parted[index]));
    for (const [index, texts] of pages.entries())
      expect(texts).toContain(`Page ${index + 1} of ${pages.length}`);
  });

  it('is for the caller alone, with a name to save it by', async () => {
    const { headers } = await pdf();
    const of = (name: string) => headers.get(name);
    expect([of('content-type'), of('cache-control'), of('vary'), of('content-disposition')]).toEqual([
      'application/pdf',
      'private, no-store',
      expect.stringContaining('accept'),
      'inline; filename="statement-entity1-2026-11.pdf"',
    ]);
  });

  it('of a closed month is the same to the byte, whenever it is read', async () => {
    clock.set('2026-12-04T00:00:00Z');
    await bookkeepingOver({ database: app.database, clock }).periods.closePeriods();
    const first = await pdf();
    clock.set('2026-12-09T12:34:56Z');
    const second = await pdf();
    expect(second.bytes.equals(first.bytes)).toBe(true);
    const { info, pages } = await pdfText(second.bytes);
    const { number } = await json();
    expect(info).toMatchObject({
      Title: `Statement ${number} · entity1 · 2026-11`,
      Author: 'Müller & Søn Київ',
      CreationDate: 'D:20261204000000Z',
    });
    expect(pages.flat().join(' ')).not.toContain('Draft');
  });
});

describe('a PDF of thousands of lines', () => {
  const anItem = (index: number) => ({
    names: [{ text: `project-${index}` }, { text: 'x'.repeat(200) }],
    rows: [
      [
        { text: 'Input' },
        { text: String(index) },
        { text: '0.71', small: ' per million' },
        { text: '−$1,234,567,890.12' },
      ],
    ],
  });

  it('is made in parts: other work goes on meanwhile, and no line is lost', async () => {
    const statement = await json();
    const contents: StatementContents = contentsOf(statement);
    const [charges, ...others] = contents.tables;
    const items = Array.from({ length: 200 }, (_, index) => anItem(index));
    let turns = 0;
    let next: NodeJS.Immediate;
    const turn = () => {
      turns += 1;
      next = setImmediate(turn);
    };
    turn();
    const tables = [{ ...charges!, items }, ...others];
    const bytes = await new StatementPdf().make({ ...contents, tables }, at(11, 30));
    clearImmediate(next!);
    expect(turns).toBeGreaterThan(18);
    const texts = (await pdfText(bytes)).pages.flat();
    expect(texts.filter((text) => text === '−$1,234,567,890.12')).toHaveLength(items.length);
    expect(texts.filter((text) => /^project-\d+$/.test(text))).toEqual(
      items.map(({ names }) => names[0]!.text),
    );
  }, 300_000);

  it('is refused above 5,000, with what to take in its place', async () => {
    const contents = contentsOf(await json());
    const [charges] = contents.tables;
    const items = Array.from({ length: 5_001 }, (_, index) => anItem(index));
    const made = new StatementPdf().make({ ...contents, tables: [{ ...charges!, items }] }, at(11, 30));
    await expect(made).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('/v1/exports/focus.csv'),
    });
  });
});
