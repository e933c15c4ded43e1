/** Statements as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { isPricedByMillion, labelOf, unitOf } from '../domain/meters.js';
import { formatCents } from '../domain/money.js';
import { periodEnd, periodStart } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { formatUnitPrice } from '../prices/price-terms.js';
import type {
  Amount,
  GrantLine,
  OpeningLine,
  RoundingLine,
  Statement as StatementOf,
  UsageLine,
} from './statement-lines.js';
import type { Statement } from './statements.schema.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';

export function presentStatement(statement: StatementOf): Statement {
  const { entity, period, closed, charges, credits } = statement;
  return {
    object: 'statement',
    entity,
    period,
    start_time: unixSeconds(periodStart(period)),
    end_time: unixSeconds(periodEnd(period)),
    status: closed === null ? 'draft' : 'final',
    number: closed?.number ?? null,
    closed_at: unixSecondsOrNull(closed?.closedAt ?? null),
    as_of: unixSeconds(statement.asOf),
    currency: 'usd',
    charges: {
      lines: charges.lines.map((line) => presentCharge(line, statement)),
      ...presentAmount(charges.total),
    },
    credits: { lines: credits.lines.map(presentCredit), ...presentAmount(credits.total) },
    billed: {
      charges: presentAmount(statement.billed.charges),
      purchases: presentAmount(statement.billed.purchases),
      refunds: presentAmount(statement.billed.refunds),
      ...presentAmount(statement.billed.total),
    },
    debt: {
      opening: presentAmount(statement.debt.opening),
      incurred: presentAmount(statement.debt.incurred),
      paid: presentAmount(statement.debt.paid),
      ...presentAmount(statement.debt.closing),
    },
    seller: statement.seller,
  };
}

type ChargeLine = Statement['charges']['lines'][number];
type CreditLine = Statement['credits']['lines'][number];

function presentCharge(line: UsageLine | GrantLine | RoundingLine, statement: StatementOf): ChargeLine {
  if (line.kind === 'usage') return presentUsageLine(line, statement);
  if (line.kind === 'rounding') return { kind: line.kind, ...presentAmount(line) };
  return { ...presentGrantLine(line), kind: 'credits_applied' };
}

function presentCredit(line: OpeningLine | GrantLine | RoundingLine): CreditLine {
  if (line.kind === 'opening_balance' || line.kind === 'rounding') {
    return { kind: line.kind, ...presentAmount(line) };
  }
  return { ...presentGrantLine(line), kind: line.kind === 'credits_applied' ? 'burn' : line.kind };
}

function presentUsageLine(line: UsageLine, { entity, period }: StatementOf): ChargeLine {
  const query = new URLSearchParams({
    project: line.project,
    model: line.model,
    period,
    rate: String(line.rateId),
  });
  return {
    kind: 'usage',
    project: line.project,
    model: line.model,
    service_tier: line.serviceTier,
    meter: line.meter,
    label: labelOf(line.meter),
    unit: unitOf(line.meter),
    correction_of: line.correctionOf,
    quantity: Number(line.quantity),
    ...presentUnitPrice(line),
    rate_id: line.rateId === UNPRICED ? null : String(line.rateId),
    ...presentAmount(line),
    events_url: `/v1/entities/${entity}/events?${query.toString()}`,
  };
}

/** One of the two: as the meter's prices are stated. */
function presentUnitPrice({ meter, unitPicos }: UsageLine) {
  const price = unitPicos === null ? null : formatUnitPrice(meter, unitPicos);
  return isPricedByMillion(meter)
    ? { unit_price_usd_per_million: price, unit_price_usd: null }
    : { unit_price_usd_per_million: null, unit_price_usd: price };
}

function presentGrantLine(line: GrantLine) {
  return {
    grant: line.grantId,
    category: line.category,
    reference: line.reference,
    expires_at: unixSecondsOrNull(line.expiresAt),
    ...presentAmount(line),
  };
}

function presentAmount({ exactPicos, cents }: Amount) {
  return { exact_usd: formatUsd(exactPicos), amount_usd: formatCents(cents) };
}
