/** Statements and events as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatCents, formatUsdPerMillion } from '../domain/money.js';
import { periodEnd, periodOf, periodStart } from '../domain/period.js';
import { UNPRICED } from '../domain/price.js';
import { formatStatementNumber } from './statement-number.js';
import type {
  Amount,
  GrantLine,
  OpeningLine,
  RoundingLine,
  Statement as StatementOf,
  UsageLine,
} from './statement.js';
import type { CountedEvent as EventRow, EventCorrection } from '../reports/usage-event-pages.sql.js';
import type { CountedEvent, Statement } from './statements.schema.js';
import { unixSeconds, unixSecondsOrNull } from '../http/list-page.js';

export function presentStatement(statement: StatementOf): Statement {
  const { entity, period, closed, charges, credits } = statement;
  return {
    object: 'statement',
    entity,
    period,
    start_time: unixSeconds(periodStart(period)),
    end_time: unixSeconds(periodEnd(period)),
    status: closed === null ? 'draft' : 'final',
    number: closed === null ? null : formatStatementNumber(closed.number),
    closed_at: unixSecondsOrNull(closed?.closedAt ?? null),
    as_of: unixSeconds(statement.asOf),
    currency: 'usd',
    charges: {
      lines: charges.lines.map((line) => presentCharge(line, statement)),
      ...presentAmount(charges.total),
    },
    credits: { lines: credits.lines.map(presentCredit), ...presentAmount(credits.total) },
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
    price: String(line.priceId),
  });
  return {
    kind: 'usage',
    project: line.project,
    model: line.model,
    token_class: line.tokenClass,
    correction_of: line.correctionOf,
    quantity: Number(line.tokens),
    unit_price_usd_per_million: perMillion(line.picosPerToken),
    ...presentAmount(line),
    events_url: `/v1/entities/${entity}/events?${query.toString()}`,
  };
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

/** Where an event stands in the order of pages. */
export function placeOf(row: EventRow): string {
  return `${row.occurredAt.getTime()}_${row.identity}`;
}

export function presentEvent(row: EventRow): CountedEvent {
  return {
    object: 'usage_event',
    id: placeOf(row),
    source: row.source,
    event_id: row.eventId,
    project: row.project,
    model: row.model,
    operation: row.operation,
    occurred_at: row.occurredAt.toISOString(),
    booked_at: unixSeconds(row.bookedAt),
    period: row.period,
    late: row.period !== periodOf(row.occurredAt),
    unpriced: row.priceId === UNPRICED,
    input_tokens: Number(row.inputTokens),
    cached_input_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    reasoning_tokens: Number(row.reasoningTokens),
    price: row.priceId === UNPRICED ? null : String(row.priceId),
    input_usd_per_million: perMillion(row.inputPicosPerToken),
    cached_input_usd_per_million: perMillion(row.cachedInputPicosPerToken),
    output_usd_per_million: perMillion(row.outputPicosPerToken),
    cost_usd: formatUsd(row.costPicos),
    burns: Object.entries(row.burns ?? {}).map(([grant, picos]) => ({
      grant,
      amount_usd: formatUsd(BigInt(picos)),
    })),
    overage_usd: formatUsd(row.costPicos - row.burntPicos),
    corrections: (row.corrections ?? []).map(presentCorrection),
    usage_source: row.usageSource,
    api_key_id: row.apiKeyId,
    user_id: row.userId,
    request_id: row.requestId,
    tags: row.tags,
  };
}

function presentCorrection(correction: EventCorrection): CountedEvent['corrections'][number] {
  return {
    kind: correction.kind,
    period: correction.period,
    change_usd: formatUsd(BigInt(correction.newPicos) - BigInt(correction.oldPicos)),
    price: correction.newPriceId,
    reason: correction.reason,
    booked_at: unixSeconds(new Date(correction.bookedAt)),
  };
}

function perMillion(picosPerToken: bigint | null): string | null {
  return picosPerToken === null ? null : formatUsdPerMillion(picosPerToken);
}
