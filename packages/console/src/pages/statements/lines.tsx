/** The columns of a statement's lines: usage with its unit price, what credits paid, and movements of credits. */
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import type { Column } from '../../parts/data-table.js';
import { Count } from '../../parts/count.js';
import { isoDayOf } from '../../parts/calendar.js';
import { exactText, picosOf, withCents } from '../../parts/money.js';
import { monthName } from '../../parts/times.js';
import { searchOfUrl } from '../events/query.js';

export type ChargeLine = Schemas['StatementCharges']['lines'][number];
type CreditLine = Schemas['StatementCredits']['lines'][number];
type UsageLine = Extract<ChargeLine, { kind: 'usage' }>;

/** A value of usage lines; others have none. */
function ofUsage<T>(line: ChargeLine, read: (line: UsageLine) => T): T | null {
  return line.kind === 'usage' ? read(line) : null;
}

export function chargeColumns(entity: string): Column<ChargeLine>[] {
  return [
    { id: 'what', header: 'What', width: 17, cell: (line) => <What line={line} entity={entity} /> },
    {
      id: 'quantity',
      header: 'Quantity',
      isNumber: true,
      cell: (line) => ofUsage(line, ({ quantity }) => <Count of={quantity} />),
    },
    {
      id: 'unit_price_usd',
      header: 'Unit price',
      isNumber: true,
      width: 9.5,
      cell: (line) => ofUsage(line, priceText),
    },
    {
      id: 'exact_usd',
      header: 'Exact',
      isNumber: true,
      width: 9,
      cell: ({ exact_usd: usd }) => exactText(picosOf(usd)),
    },
    {
      id: 'amount_usd',
      header: 'Amount',
      isNumber: true,
      width: 6,
      cell: ({ amount_usd: usd }) => <Amount usd={usd} />,
    },
  ];
}

const inFile = (id: string, csv: Column<ChargeLine>['csv']): Column<ChargeLine> => ({
  id,
  header: id,
  cell: () => null,
  ...(csv !== undefined && { csv }),
});

/** A file has each fact in a column of its own. */
export const CHARGE_FILE_COLUMNS: readonly Column<ChargeLine>[] = [
  inFile('what', (line) => (line.kind === 'usage' ? line.model : line.kind)),
  inFile('project', (line) => projectOf(line)),
  inFile('meter', (line) => meterOf(line)),
  inFile('correction_of', (line) => ofUsage(line, ({ correction_of: month }) => month)),
  inFile('reference', (line) => (line.kind === 'credits_applied' ? line.reference : null)),
  inFile('quantity', (line) => ofUsage(line, ({ quantity }) => quantity)),
  inFile('unit_price_usd', (line) =>
    ofUsage(line, (usage) => usage.unit_price_usd_per_million ?? usage.unit_price_usd),
  ),
  inFile('exact_usd', ({ exact_usd: usd }) => usd),
  inFile('amount_usd', ({ amount_usd: usd }) => usd),
];

const projectOf = (line: ChargeLine) => ofUsage(line, ({ project }) => project);
const meterOf = (line: ChargeLine) =>
  ofUsage(line, ({ label, service_tier: tier }) => (tier === 'default' ? label : `${label}, ${tier} tier`));

function priceText({ unit_price_usd_per_million: million, unit_price_usd: one }: UsageLine): string {
  if (million !== null) return `$${withCents(million)} per 1M`;
  return one === null ? 'no price yet' : `$${withCents(one)}`;
}

function What({ line, entity }: { line: ChargeLine; entity: string }) {
  if (line.kind === 'rounding') return <>Rounding to cents</>;
  if (line.kind === 'credits_applied')
    return <>Paid by credits {line.reference ?? <span title={line.grant}>{line.category}</span>}</>;
  return (
    <>
      <Link
        to="/customers/$entity/events"
        params={{ entity }}
        search={searchOfUrl(`${line.events_url}&meter=${line.meter}`)}
      >
        {line.model}
        <span className="unseen">, {line.label}: its events</span>
      </Link>
      <div className="quiet">
        {line.project} · {meterOf(line)}
      </div>
      {line.correction_of !== null && (
        <div className="quiet">late usage and corrections of {monthName(line.correction_of)}</div>
      )}
    </>
  );
}

const KINDS: Readonly<Record<string, string>> = {
  opening_balance: 'Opening balance',
  purchase: 'Bought',
  promotion: 'Given',
  burn: 'Spent on usage',
  expiry: 'Expired unused',
  void: 'Taken back',
  refund: 'Refunded',
  debt_payment: 'Paid a debt',
  rounding: 'Rounding to cents',
};

export const CREDIT_COLUMNS: readonly Column<CreditLine>[] = [
  { id: 'kind', header: 'What', width: 10, cell: ({ kind }) => KINDS[kind] ?? kind },
  {
    id: 'reference',
    header: 'Grant',
    width: 13,
    cell: (line) => ('grant' in line ? <span title={line.grant}>{line.reference ?? line.grant}</span> : null),
  },
  { id: 'category', header: 'Kind', width: 6.5, cell: (line) => ('grant' in line ? line.category : null) },
  {
    id: 'expires_at',
    header: 'Expires',
    width: 7,
    cell: (line) =>
      'grant' in line ? (line.expires_at === null ? 'never' : isoDayOf(line.expires_at)) : null,
  },
  {
    id: 'exact_usd',
    header: 'Exact',
    isNumber: true,
    width: 9,
    cell: ({ exact_usd: usd }) => exactText(picosOf(usd)),
  },
  {
    id: 'amount_usd',
    header: 'Amount',
    isNumber: true,
    width: 6,
    cell: ({ amount_usd: usd }) => <Amount usd={usd} />,
  },
];
