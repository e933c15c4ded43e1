/** The tables of meters and of credit grants. */
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Amount } from '../../parts/amount.js';
import { Badge } from '../../parts/badge.js';
import { isoDayOf } from '../../parts/calendar.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { Count } from '../../parts/count.js';
import { percentOf } from '../../parts/words.js';
import { isByMillion, METERS, meterName, UNITS } from '../../parts/meters.js';
import { perMilleOf, picosEach, readableUsd, sumPicos } from '../../parts/money.js';
import type { ReportOf } from './compute.js';
import type { Grant } from './credits.js';
import { eventsOf } from './events-link.js';
import type { MeterSum } from './sums.js';

const PRICE_DECIMALS = 4;

export function MetersTable({ report }: { report: ReportOf }) {
  const { meters } = report;
  const sum = sumPicos(meters, ({ picos }) => picos);
  const columns = useMemo(() => meterColumns(report, sum), [report, sum]);
  return (
    <section className="card" aria-labelledby="meters-title" id="meters">
      <div className="card-head">
        <h2 id="meters-title">What was used</h2>
      </div>
      <DataTable
        label="Meters"
        columns={columns}
        rows={meters}
        keyOf={({ meter }) => meter}
        totals={{ meter: 'Total', cost: <Amount usd={sum} /> }}
      />
    </section>
  );
}

function meterColumns(report: ReportOf, sum: bigint): Column<MeterSum>[] {
  return [
    {
      id: 'meter',
      header: 'Meter',
      width: 13,
      cell: ({ meter, isWaiting, picos }) => (
        <>
          <Link
            to="/customers/$entity/events"
            params={{ entity: report.balance.entity }}
            search={eventsOf(report, { meter })}
          >
            {meterName(meter)}
          </Link>{' '}
          {isWaiting && <Badge tone="warn">{picos === 0n ? 'no price yet' : 'partly without a price'}</Badge>}
        </>
      ),
    },
    { id: 'quantity', header: 'Quantity', isNumber: true, cell: ({ quantity }) => <Count of={quantity} /> },
    { id: 'unit', header: 'Unit', width: 7, cell: ({ meter }) => UNITS[METERS[meter]?.unit ?? 'one'] },
    { id: 'price', header: 'Average price', isNumber: true, width: 10, cell: (row) => averagePrice(row) },
    { id: 'cost', header: 'Cost', isNumber: true, cell: ({ picos }) => <Amount usd={picos} /> },
    {
      id: 'share',
      header: 'Share of cost',
      isNumber: true,
      width: 8,
      cell: ({ picos }) => (sum === 0n ? '–' : percentOf(picos, perMilleOf(picos, sum) ?? 0)),
    },
  ];
}

function averagePrice({ meter, picos, quantity }: MeterSum): string {
  if (picos === 0n || quantity === 0) return '–';
  if (isByMillion(meter))
    return `${readableUsd(picosEach(picos * 1_000_000n, quantity), PRICE_DECIMALS)} per 1M`;
  return `${readableUsd(picosEach(picos, quantity), PRICE_DECIMALS)} each`;
}

export function GrantsTable({ report }: { report: ReportOf }) {
  const { grants } = report;
  const columns = useMemo(() => grantColumns(report), [report]);
  return (
    <section className="card" aria-labelledby="grants-title" id="grants">
      <div className="card-head">
        <h2 id="grants-title">Credit grants</h2>
      </div>
      <DataTable
        label="Every credit grant"
        columns={columns}
        rows={grants}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No credits were ever granted">
            All usage is overage, unless its limits block it.
          </Empty>
        }
      />
    </section>
  );
}

function grantColumns({ activity, projection }: ReportOf): Column<Grant>[] {
  return [
    {
      id: 'grant',
      header: 'Grant',
      width: 12,
      cell: ({ reference, id }) => <span title={id}>{reference ?? id}</span>,
    },
    { id: 'category', header: 'Kind', width: 7, cell: ({ category }) => category },
    {
      id: 'amount',
      header: 'Amount',
      isNumber: true,
      width: 7,
      cell: ({ amount }) => <Amount usd={amount} />,
    },
    { id: 'left', header: 'Left', isNumber: true, width: 7, cell: ({ left }) => <Amount usd={left} /> },
    { id: 'starts', header: 'Starts', width: 7, cell: ({ effectiveAt }) => isoDayOf(effectiveAt) },
    {
      id: 'expires',
      header: 'Expires',
      width: 7,
      cell: ({ expiresAt }) => (expiresAt === null ? 'never' : isoDayOf(expiresAt)),
    },
    {
      id: 'outlook',
      header: 'Outlook',
      width: 11,
      cell: (grant) => outlook(grant, activity.as_of, projection.unused.get(grant.id)),
    },
  ];
}

function outlook(grant: Grant, asOf: number, lost: bigint | undefined) {
  if (grant.voidedAt !== null) return 'voided';
  if (grant.expiresAt !== null && grant.expiresAt <= asOf) return 'expired';
  if (grant.left === 0n) return 'used up';
  if (grant.effectiveAt > asOf) return 'not yet in force';
  if (lost === undefined) return 'will be used';
  return <Badge tone="warn">{readableUsd(lost)} will expire unused</Badge>;
}
