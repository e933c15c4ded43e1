/** What a customer has, spends and holds, in figures. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { picosOf, readableUsd } from '../../parts/money.js';
import { dayOf, monthName, nowSeconds, relative } from '../../parts/times.js';
import { hasRunOut, limitWords } from '../customers/customer-state.js';

type Props = { customer: Schemas['Customer']; balance: Schemas['Balance'] };

export function Tiles({ customer, balance }: Props) {
  return (
    <section className="tiles" aria-label="Summary">
      <Tile title="Credits left" figure={<Amount usd={balance.credits_usd} />}>
        <CreditsNote customer={customer} balance={balance} />
      </Tile>
      <Tile title={monthName(balance.period)} figure={<Amount usd={balance.month_to_date_usd} />}>
        <Amount usd={customer.previous_same_days_usd} /> in the same days of the month before
        {picosOf(balance.overage_usd) > 0n && (
          <>
            , <Amount usd={balance.overage_usd} /> not paid by credits
          </>
        )}
      </Tile>
      <ForecastTile entity={balance.entity} />
      <Tile title="Held in flight" figure={<Amount usd={balance.held_usd} />}>
        What running requests may still cost, at most
      </Tile>
      <Tile title="Refused in a day" figure={customer.denied_requests ?? '–'}>
        <DeniedNote customer={customer} />
      </Tile>
    </section>
  );
}

function Tile({ title, figure, children }: { title: string; figure: ReactNode; children: ReactNode }) {
  return (
    <div className="tile">
      <h2>{title}</h2>
      <p className="figure">{figure}</p>
      <p className="quiet">{children}</p>
    </div>
  );
}

function CreditsNote({ customer, balance }: Props) {
  const { credits_until: until, credits_expire_at: expires } = customer;
  const notes = [
    until === null || hasRunOut(customer)
      ? null
      : `Last until ${dayOf(until)} (${relative(until, nowSeconds())}) at the pace of the last week`,
    expires === null ? null : `some expire on ${dayOf(expires)}`,
    balance.frozen_usd === '0' ? null : `${readableUsd(picosOf(balance.frozen_usd))} frozen`,
    balance.debt_usd === '0'
      ? null
      : `${readableUsd(picosOf(balance.debt_usd))} of debt, which the next credits pay`,
  ].filter((note) => note !== null);
  if (notes.length > 0) return notes.join('; ');
  if (picosOf(balance.credits_usd) > 0n) return 'Little or nothing was spent in the last week';
  return customer.overage === 'allowed'
    ? 'What is spent now is overage'
    : 'Requests are refused until credits are granted';
}

function DeniedNote({ customer }: { customer: Schemas['Customer'] }) {
  const { denied_by_limit: byLimit } = customer;
  if (byLimit === null) return 'Not known while Redis is unavailable';
  if (byLimit.length === 0) return 'No request was refused';
  return byLimit.map(({ limit, denied }) => `${denied} by ${limitWords(limit)}`).join(', ');
}

function ForecastTile({ entity }: { entity: string }) {
  const { data } = useQuery(reading('/v1/entities/{entity}/forecast', { params: { path: { entity } } }));
  return (
    <Tile title="Forecast of the month" figure={<Amount usd={data?.forecast_usd ?? null} />}>
      {data === undefined ? 'Loading' : forecastNote(data)}
    </Tile>
  );
}

function forecastNote({ forecast_usd, low_usd, high_usd, capped }: Schemas['Forecast']): string {
  if (forecast_usd === null) return 'Needs three days of data';
  const [low, high] = [low_usd, high_usd].map((usd) => (usd === null ? '' : readableUsd(picosOf(usd))));
  const range =
    low === '' || high === '' ? '' : low === high ? 'Within a cent' : `Between ${low} and ${high}`;
  return capped === true ? `${range === '' ? '' : `${range}; `}caps or credits end it before` : range;
}
