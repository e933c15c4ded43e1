/** The columns of a statement's lines: usage with its unit price, what credits paid, and movements of credits. */
import { Link } from '@tanstack/react-router';
import type { Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import type { Column } from '../../parts/data-table.js';
import { Count } from '../../parts/count.js';
import { isoDayOf } from '../../parts/calendar.js';
import { monthName } from '../../parts/times.js';
import { searchOfUrl } from '../events/query.js';

export type ChargeLine = Schemas['StatementCharges']['lines'][number];
type CreditLine = Schemas['StatementCredits']['lines'][number];
type UsageLine = Extract<ChargeLine, { kind: 'usage' }>;

/** `-2.5` → `−$2.5`, every digit. */
export function exactText(usd: string): string {
  return usd.startsWith('-') ? `−$${usd.slice(1)}` : `$${usd}`;
}

/** A value of usage lines; others have none. */
function ofUsage<T>(line: ChargeLine, read: (line: UsageLine) => T): T | null {
  return line.kind === 'usage' ? read(line) : null;
}

export function chargeColumns(entity: string): Column<ChargeLine>[] {
  return [
    {
      id: 'what',
      header: 'What',
      width: 17,
      cell: (line) => <What line={line} entity={entity} />,
      csv: (line) => (line.kind === 'usage' ? line.model : line.kind),
    },
    { id: 'project', header: 'Project', width: 11, cell: projectOf, csv: projectOf },
    { id: 'meter', header: 'Meter', width: 10, cell: meterOf, csv: meterOf },
    {
      id: 'quantity',
      header: 'Quantity',
      isNumber: true,
      cell: (line) => ofUsage(line, ({ quantity }) => <Count of={quantity} />),
      csv: (line) => ofUsage(line, ({ quantity }) => quantity),
    },
    {
      id: 'unit_price_usd',
      header: 'Unit price',
      isNumber: true,
      width: 9,
      cell: (line) => ofUsage(line, priceText),
      csv: (line) => ofUsage(line, (usage) => usage.unit_price_usd_per_million ?? usage.unit_price_usd),
    },
    {
      id: 'exact_usd',
      header: 'Exact',
      isNumber: true,
      width: 10,
      cell: ({ exact_usd: usd }) => exactText(usd),
      csv: ({ exact_usd: usd }) => usd,
    },
    {
      id: 'amount_usd',
      header: 'Amount',
      isNumber: true,
      cell: ({ amount_usd: usd }) => <Amount usd={usd} />,
      csv: ({ amount_usd: usd }) => usd,
    },
  ];
}

const projectOf = (line: ChargeLine) => ofUsage(line, ({ project }) => project);
const meterOf = (line: ChargeLine) =>
  ofUsage(line, ({ label, service_tier: tier }) => (tier === 'default' ? label : `${label}, ${tier} tier`));

function priceText({ unit_price_usd_per_million: million, unit_price_usd: one }: UsageLine): string {
  if (million !== null) return `$${million} per 1M`;
  return one === null ? 'no price yet' : `$${one}`;
}

function What({ line, entity }: { line: ChargeLine; entity: string }) {
  if (line.kind === 'rounding') return <>Rounding to cents</>;
  if (line.kind === 'credits_applied')
    return <>Paid by credits {line.reference ?? <span title={line.grant}>{line.category}</span>}</>;
  return (
    <>
      <Link to="/customers/$entity/events" params={{ entity }} search={searchOfUrl(line.events_url)}>
        {line.model}
        <span className="unseen">, {line.label}: its events</span>
      </Link>
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
  { id: 'kind', header: 'What', width: 11, cell: ({ kind }) => KINDS[kind] ?? kind },
  {
    id: 'reference',
    header: 'Grant',
    width: 15,
    cell: (line) => ('grant' in line ? <span title={line.grant}>{line.reference ?? line.grant}</span> : null),
  },
  { id: 'category', header: 'Kind', width: 8, cell: (line) => ('grant' in line ? line.category : null) },
  {
    id: 'expires_at',
    header: 'Expires',
    cell: (line) =>
      'grant' in line ? (line.expires_at === null ? 'never' : isoDayOf(line.expires_at)) : null,
  },
  {
    id: 'exact_usd',
    header: 'Exact',
    isNumber: true,
    width: 10,
    cell: ({ exact_usd: usd }) => exactText(usd),
  },
  { id: 'amount_usd', header: 'Amount', isNumber: true, cell: ({ amount_usd: usd }) => <Amount usd={usd} /> },
];
