/** A statement in words and tables. Pure. The HTML page and the PDF both print this, so they say the same. */
import { GRACE_MS } from '../domain/period.js';
import { DEFAULT_TIER } from '../domain/service-tier.js';
import type { Statement } from './statements.schema.js';

/** A text, small text beside it, and small notes on lines below it. */
export type Cell = { readonly text: string; readonly small?: string; readonly notes?: readonly string[] };

/** Rows that stay on one page. They share their first cells, `names`. In a row with fewer cells than columns the first cell spans the rest. */
export type Item = { readonly names: readonly Cell[]; readonly rows: readonly (readonly Cell[])[] };

type Column = {
  readonly name: string;
  readonly isNumber: boolean;
  /** Of the table's width, in percent. */
  readonly width: number;
};

export type Table = {
  readonly title: string;
  /** Without names the table has no head. */
  readonly columns: readonly Column[];
  readonly items: readonly Item[];
  readonly total: { readonly name: string; readonly amount: string };
};

type Fact = { readonly name: string; readonly value: string; readonly isMain?: true };

export type StatementContents = {
  readonly title: string;
  readonly seller: { readonly name: string; readonly address: readonly string[] };
  /** The entity's name: Tally keeps no names and addresses of customers. */
  readonly buyer: string;
  readonly facts: readonly Fact[];
  readonly draft: string | null;
  readonly tables: readonly Table[];
  readonly footnotes: readonly string[];
};

export function contentsOf(statement: Statement): StatementContents {
  const { entity, period, number, seller, status, debt } = statement;
  return {
    title: `Statement ${number ?? 'draft'} · ${entity} · ${period}`,
    seller: { name: seller.name, address: seller.address?.split('\n') ?? [] },
    buyer: entity,
    facts: factsOf(statement),
    draft: status === 'draft' ? draftSentence(statement) : null,
    tables: [
      chargesOf(statement),
      creditsOf(statement),
      billedOf(statement),
      ...(hasDebt(debt) ? [debtOf(statement)] : []),
    ],
    footnotes: [
      'All amounts in US dollars; all times in UTC. Tokens and characters are priced by the million, everything else one by one.',
      'Every line is exact and printed in cents, rounded once, half to even. Each total is the sum of its printed lines.',
    ],
  };
}

function draftSentence({ end_time: end }: Statement): string {
  const closing = minute(end + GRACE_MS / 1_000);
  return `Draft: the amounts may still change until the month is closed, at ${closing} or soon after.`;
}

function factsOf(statement: Statement): Fact[] {
  const { charges, credits, debt, status } = statement;
  return [
    { name: 'Number', value: statement.number ?? '–' },
    { name: 'Period', value: `${day(statement.start_time)} – ${day(statement.end_time - 1)}` },
    {
      name: status === 'final' ? 'Closed' : 'As of',
      value: minute(statement.closed_at ?? statement.as_of),
    },
    { name: 'Amount due', value: dollars(charges.amount_usd), isMain: true },
    { name: 'Credits left', value: dollars(credits.amount_usd) },
    ...(isZero(debt.amount_usd) ? [] : [{ name: 'Owed for credits', value: dollars(debt.amount_usd) }]),
  ];
}

function text(name: string, width: number): Column {
  return { name, isNumber: false, width };
}

function amount(name: string, width: number): Column {
  return { name, isNumber: true, width };
}

function chargesOf({ charges }: Statement): Table {
  return {
    title: 'Charges',
    columns: [
      text('Project', 18),
      text('Model', 27),
      text('Meter', 13),
      amount('Quantity', 13),
      amount('Unit price', 16),
      amount('Amount', 13),
    ],
    items: itemsOf(charges.lines),
    total: { name: 'Amount due', amount: dollars(charges.amount_usd) },
  };
}

type ChargeLine = Statement['charges']['lines'][number];
type UsageLine = ChargeLine & { kind: 'usage' };

/** Lines that differ only in their meter are one item. */
function itemsOf(lines: readonly ChargeLine[]): Item[] {
  const groups: ChargeLine[][] = [];
  for (const line of lines) {
    const last = groups.at(-1)?.[0];
    if (last !== undefined && isUsage(line) && isUsage(last) && nameOf(last) === nameOf(line))
      groups.at(-1)!.push(line);
    else groups.push([line]);
  }
  return groups.map((group) => itemOf(group));
}

function isUsage(line: ChargeLine): line is UsageLine {
  return line.kind === 'usage';
}

function nameOf(line: UsageLine): string {
  return [line.project, line.model, line.correction_of, line.service_tier, line.rate_id].join('\n');
}

function itemOf(lines: readonly ChargeLine[]): Item {
  const [first] = lines;
  if (first === undefined || first.kind !== 'usage') return wideItem(lines);
  const notes = [
    first.service_tier === DEFAULT_TIER ? null : `Tier ${first.service_tier}`,
    first.correction_of === null ? null : `Correction of ${first.correction_of}`,
  ].filter((note) => note !== null);
  return {
    names: [{ text: first.project }, { text: first.model, notes }],
    rows: lines
      .filter(isUsage)
      .map((line) => [
        { text: `${line.label.slice(0, 1).toUpperCase()}${line.label.slice(1)}` },
        { text: grouped(String(line.quantity)) },
        unitPrice(line),
        { text: dollars(line.amount_usd) },
      ]),
  };
}

function wideItem(lines: readonly ChargeLine[]): Item {
  const rows = lines.flatMap((line) => {
    if (line.kind === 'usage') return [];
    const what = line.kind === 'rounding' ? { text: 'Rounding' } : grantName(paidBy(line.amount_usd), line);
    return [[what, { text: dollars(line.amount_usd) }]];
  });
  return { names: [], rows };
}

function creditsOf({ credits }: Statement): Table {
  return {
    title: 'Credits',
    columns: [text('Movement', 65), text('Expires', 18), amount('Amount', 17)],
    items: credits.lines.map((line) => ({ names: [], rows: [creditRow(line)] })),
    total: { name: 'Closing balance', amount: dollars(credits.amount_usd) },
  };
}

const MOVEMENTS = {
  purchase: 'Purchase of',
  promotion: 'Grant of',
  burn: 'Use of',
  expiry: 'Expiry of',
  void: 'Void of',
  refund: 'Refund of',
  debt_payment: 'Payment of what was owed, from',
} as const;

function creditRow(line: Statement['credits']['lines'][number]): Cell[] {
  const sum = { text: dollars(line.amount_usd) };
  if (line.kind === 'opening_balance') return [{ text: 'Opening balance' }, sum];
  if (line.kind === 'rounding') return [{ text: 'Rounding' }, sum];
  const expires = line.expires_at === null ? 'never' : day(line.expires_at);
  return [grantName(MOVEMENTS[line.kind], line), { text: expires }, sum];
}

function billedOf({ billed }: Statement): Table {
  const rows = [
    ['Charges that no credits paid', billed.charges.amount_usd],
    ['Credits bought', billed.purchases.amount_usd],
    ['Credits refunded', billed.refunds.amount_usd],
  ] as const;
  return sumTable('To be paid', rows, ['To be paid for the month', billed.amount_usd]);
}

function debtOf({ debt }: Statement): Table {
  const rows = [
    ['Owed before', debt.opening.amount_usd],
    ['Taken back after it was used', debt.incurred.amount_usd],
    ['Paid by credits', debt.paid.amount_usd],
  ] as const;
  return sumTable('Owed for credits taken back', rows, ['Owed now', debt.amount_usd]);
}

type NamedAmount = readonly [name: string, amountUsd: string];

function sumTable(title: string, rows: readonly NamedAmount[], [name, totalUsd]: NamedAmount): Table {
  return {
    title,
    columns: [text('', 80), amount('', 20)],
    items: rows.map(([what, usd]) => ({ names: [], rows: [[{ text: what }, { text: dollars(usd) }]] })),
    total: { name, amount: dollars(totalUsd) },
  };
}

function grantName(
  verb: string,
  { grant, category, reference }: { grant: string; category: string; reference: string | null },
): Cell {
  const name = `${verb} ${category === 'paid' ? 'prepaid' : category} credits`;
  return { text: reference === null ? name : `${name} (${reference})`, small: ` ${grant}` };
}

/** A correction can return more than was used. */
function paidBy(usd: string): string {
  return usd.startsWith('-') ? 'Paid by' : 'Returned to';
}

/** With two decimals at least: `0.2` → `0.20`, `0.0035` stays. */
function unitPrice(line: UsageLine): Cell {
  const usd = line.unit_price_usd_per_million ?? line.unit_price_usd;
  if (usd === null) return { text: '', small: 'No price yet' };
  const [whole = '', fraction = ''] = usd.split('.');
  const per =
    line.unit_price_usd === null ? ' per million' : line.unit === 'one' ? ' each' : ` per ${line.unit}`;
  return { text: `${whole}.${fraction.padEnd(2, '0')}`, small: per };
}

function hasDebt({ opening, incurred, exact_usd: closing }: Statement['debt']): boolean {
  return [opening.exact_usd, incurred.exact_usd, closing].some((usd) => usd !== '0');
}

function isZero(usd: string): boolean {
  return /^-?[0.]+$/.test(usd);
}

/** `-1234.50` → `−$1,234.50`. */
function dollars(usd: string): string {
  const sign = usd.startsWith('-') ? '−' : '';
  const [whole = '', cents = ''] = usd.replace('-', '').split('.');
  return `${sign}$${grouped(whole)}.${cents}`;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

function day(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(0, 10);
}

function minute(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
