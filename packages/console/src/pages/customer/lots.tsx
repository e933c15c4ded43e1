/** The credits of a customer by lot: what is left of each, when it expires, and what can be done with it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { exactUsd, picosOf } from '../../parts/money.js';
import { dayOf, isoOf, nowSeconds, periodAt, relative, secondsOfPeriod } from '../../parts/times.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { FreezeCredits } from './acts/freeze-credits.js';
import { VoidCredits } from './acts/void-credits.js';

type Lot = Schemas['ActivityGrant'];

export function Lots({ entity }: { entity: string }) {
  const { start, end } = secondsOfPeriod(periodAt(nowSeconds()));
  const query = { start_time: start, end_time: end };
  const activity = useQuery(
    reading('/v1/entities/{entity}/activity', { params: { path: { entity }, query } }),
  );
  const [sort, setSort] = useState('expires_at');
  const columns = useLotColumns(entity);
  return (
    <section className="card" aria-labelledby="lots">
      <div className="card-head">
        <h2 id="lots">Credits by lot</h2>
        <CsvButton
          fileName={`${entity}-credits.csv`}
          columns={FILE_COLUMNS}
          load={() => activity.data?.grants ?? []}
        />
      </div>
      <Awaited of={activity}>
        {({ grants }) => (
          <DataTable
            label="Credits by lot"
            columns={columns}
            rows={grants}
            keyOf={({ id }) => id}
            sort={sort}
            onSort={setSort}
            empty={<Empty title="No credits yet">They are bought or given by an admin.</Empty>}
          />
        )}
      </Awaited>
    </section>
  );
}

const COLUMNS: readonly Column<Lot>[] = [
  {
    id: 'id',
    header: 'Lot',
    width: 11,
    cell: (lot) => (
      <>
        {lot.reference ?? lot.note ?? 'No reference'} <LotState lot={lot} />
        <div className="quiet">{lot.category}</div>
        <Copyable text={lot.id} what="id of the grant" shown="id" />
      </>
    ),
    csv: ({ id }) => id,
  },
  { id: 'category', header: 'Category', cell: ({ category }) => category, csv: ({ category }) => category },
  amountColumn('remaining_usd', 'Left', (lot) => lot.remaining_usd),
  amountColumn('amount_usd', 'Granted', (lot) => lot.amount_usd),
  amountColumn('burnt_usd', 'Burnt', (lot) => lot.burnt_usd),
  amountColumn('voided_usd', 'Voided', (lot) => lot.voided_usd),
  amountColumn('expired_usd', 'Expired', (lot) => lot.expired_usd),
  amountColumn('gone_usd', 'Voided or expired', goneUsd),
  {
    id: 'expires_at',
    header: 'Expires on',
    width: 7.5,
    cell: ({ expires_at: at }) =>
      at === null ? (
        <span className="quiet">never</span>
      ) : (
        <>
          {dayOf(at)}
          <div className="quiet">{relative(at, nowSeconds())}</div>
        </>
      ),
    sortBy: ({ expires_at: at }) => at,
    csv: ({ expires_at: at }) => (at === null ? null : isoOf(at)),
  },
  {
    id: 'effective_at',
    header: 'From',
    width: 7,
    cell: ({ effective_at: at }) => dayOf(at),
    sortBy: ({ effective_at: at }) => at,
    csv: ({ effective_at: at }) => isoOf(at),
  },
];

/** On the page these stand within other columns. */
const IN_FILES_ALONE = ['category', 'voided_usd', 'expired_usd'];
const FILE_COLUMNS = COLUMNS.filter(({ id }) => id !== 'gone_usd');
const SHOWN_COLUMNS = COLUMNS.filter(({ id }) => !IN_FILES_ALONE.includes(id));

function goneUsd({ voided_usd: voided, expired_usd: expired }: Lot): string {
  return exactUsd(picosOf(voided) + picosOf(expired));
}

function amountColumn(id: string, header: string, usdOf: (lot: Lot) => string): Column<Lot> {
  return {
    id,
    header,
    isNumber: true,
    width: 5.75,
    cell: (lot) => <Amount usd={usdOf(lot)} />,
    sortBy: (lot) => picosOf(usdOf(lot)),
    csv: usdOf,
  };
}

function LotState({ lot }: { lot: Lot }) {
  if (lot.frozen_at !== null) return <Badge tone="warn">Frozen</Badge>;
  if (lot.effective_at > nowSeconds()) return <Badge tone="plain">Not yet</Badge>;
  return null;
}

function useLotColumns(entity: string): readonly Column<Lot>[] {
  const { role } = useSignedIn();
  if (!may(role, 'POST /v1/admin/entities/{entity}/credits/{grant}/void')) return SHOWN_COLUMNS;
  return [
    ...SHOWN_COLUMNS,
    { id: 'acts', header: 'Change', width: 9, cell: (lot) => <LotActs entity={entity} lot={lot} /> },
  ];
}

/** Nothing is offered that the service would refuse: what is used up or expired cannot be frozen. */
function LotActs({ entity, lot }: { entity: string; lot: Lot }) {
  const isFrozen = lot.frozen_at !== null;
  const isOver = lot.expires_at !== null && lot.expires_at <= nowSeconds();
  const isSpent = picosOf(lot.remaining_usd) === 0n;
  return (
    <div className="row">
      <ActButton
        needs="POST /v1/admin/entities/{entity}/credits/{grant}/void"
        label="Take back…"
        about={lot.id}
      >
        {(close) => <VoidCredits entity={entity} lot={lot} onClose={close} />}
      </ActButton>
      {(isFrozen || !(isSpent || isOver)) && (
        <ActButton
          needs="POST /v1/admin/entities/{entity}/credits/{grant}/freeze"
          label={isFrozen ? 'Unfreeze…' : 'Freeze…'}
          about={lot.id}
        >
          {(close) => <FreezeCredits entity={entity} lot={lot} isFrozen={isFrozen} onClose={close} />}
        </ActButton>
      )}
    </div>
  );
}
