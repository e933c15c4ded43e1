/** The sums of one event: its quantities by meter, what paid for it, and what corrected it. */
import { useQuery } from '@tanstack/react-query';
import { reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Count } from '../../parts/count.js';
import { isByMillion, METERS, meterName, priceField, UNITS } from '../../parts/meters.js';
import { exactText, exactUsd, picosOf, withCents } from '../../parts/money.js';
import { Moment } from '../../parts/moment.js';
import { monthName } from '../../parts/times.js';
import type { CountedEvent } from './marks.js';

type Line = {
  readonly meter: string;
  readonly quantity: number;
  readonly price: string | null;
  readonly picos: bigint | null;
};

export function linesOf({
  quantities,
  unit_prices: prices,
}: Pick<CountedEvent, 'quantities' | 'unit_prices'>): Line[] {
  return Object.keys(METERS).flatMap((meter) => {
    const quantity = quantities[meter] ?? 0;
    if (quantity === 0) return [];
    const price = prices[priceField(meter)] ?? null;
    return { meter, quantity, price, picos: price === null ? null : costOf(meter, quantity, price) };
  });
}

function costOf(meter: string, quantity: number, usd: string): bigint {
  const picos = picosOf(usd) * BigInt(quantity);
  return isByMillion(meter) ? picos / 1_000_000n : picos;
}

const LINE_COLUMNS: readonly Column<Line>[] = [
  { id: 'meter', header: 'Meter', width: 11, cell: ({ meter }) => meterName(meter) },
  { id: 'quantity', header: 'Quantity', isNumber: true, cell: ({ quantity }) => <Count of={quantity} /> },
  { id: 'unit', header: 'Unit', width: 7, cell: ({ meter }) => UNITS[METERS[meter]?.unit ?? 'one'] },
  {
    id: 'price',
    header: 'Unit price',
    isNumber: true,
    width: 10,
    cell: ({ meter, price }) =>
      price === null ? 'no price yet' : `$${withCents(price)}${isByMillion(meter) ? ' per 1M' : ''}`,
  },
  {
    id: 'cost',
    header: 'Cost',
    isNumber: true,
    width: 9,
    // Every digit, so that the lines add up to the event as they are read.
    cell: ({ picos }) => <Exact picos={picos} />,
  },
];

function Exact({ picos }: { picos: bigint | null }) {
  if (picos === null) return <span className="quiet">–</span>;
  return (
    <span className="amount" title={`$${exactUsd(picos)} exactly`}>
      {exactText(picos)}
    </span>
  );
}

export function QuantitiesTable({ event }: { event: CountedEvent }) {
  return (
    <DataTable
      label="Quantities by meter"
      columns={LINE_COLUMNS}
      rows={linesOf(event)}
      keyOf={({ meter }) => meter}
      totals={{ meter: 'Cost as first rated', cost: <Exact picos={picosOf(event.cost_usd)} /> }}
    />
  );
}

type Part = { readonly id: string; readonly name: string; readonly usd: string };

const PART_COLUMNS: readonly Column<Part>[] = [
  { id: 'name', header: 'Paid by', width: 13, cell: ({ name, id }) => <span title={id}>{name}</span> },
  { id: 'usd', header: 'Amount', isNumber: true, cell: ({ usd }) => <Amount usd={usd} /> },
];

export function BurnsTable({ entity, event }: { entity: string; event: CountedEvent }) {
  const found = useQuery({
    ...reading('/v1/entities/{entity}/activity', { params: { path: { entity } } }),
    enabled: event.burns.length > 0,
  });
  if (event.unpriced) return <p className="quiet">It costs nothing until its model has a price.</p>;
  const grants = new Map(found.data?.grants.map((grant) => [grant.id, grant]));
  const parts = [
    ...event.burns.map(({ grant, amount_usd: usd }) => ({
      id: grant,
      name: lotName(grants.get(grant), grant),
      usd,
    })),
    ...(event.overage_usd === '0' ? [] : [{ id: 'overage', name: 'Overage', usd: event.overage_usd }]),
  ];
  if (parts.length === 0) return <p className="quiet">It cost nothing.</p>;
  return <DataTable label="What paid for it" columns={PART_COLUMNS} rows={parts} keyOf={({ id }) => id} />;
}

function lotName(grant: Schemas['ActivityGrant'] | undefined, id: string): string {
  return grant === undefined ? `Credits ${id}` : `Credits ${grant.reference ?? id}, ${grant.category}`;
}

type Correction = CountedEvent['corrections'][number];

const CORRECTION_COLUMNS: readonly Column<Correction>[] = [
  { id: 'kind', header: 'What', width: 8, cell: ({ kind }) => (kind === 'void' ? 'Voided' : 'Re-rated') },
  { id: 'change', header: 'Change', isNumber: true, cell: ({ change_usd: usd }) => <Amount usd={usd} /> },
  { id: 'period', header: 'Booked in', width: 9, cell: ({ period }) => monthName(period) },
  { id: 'price', header: 'New price version', width: 9, cell: ({ price }) => price ?? '–' },
  { id: 'reason', header: 'Reason', width: 16, cell: ({ reason }) => reason },
  { id: 'booked', header: 'When', width: 13, cell: ({ booked_at: at }) => <Moment at={at} /> },
];

export function CorrectionsTable({ event }: { event: CountedEvent }) {
  return (
    <DataTable
      label="Corrections"
      columns={CORRECTION_COLUMNS}
      rows={event.corrections}
      keyOf={({ kind, booked_at: at, change_usd: usd }) => `${kind} ${at} ${usd}`}
    />
  );
}
