/** A denied request in one sentence: which limit, what is used and held of it, and when it starts again. */
import { money } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { second } from '../times.js';

type Denial = Schema<'DeniedDecision'>;

export function sentenceOf(denial: Denial): string {
  const reset = denial.resets_at === null ? '' : `; it starts again at ${second(denial.resets_at)}`;
  const shadow = denial.mode === 'shadow' ? ' (admitted: the mode is shadow)' : '';
  return `${reasonOf(denial)}${reset}${shadow}`;
}

function reasonOf({ limit, scope, booked, held, limits, asked, retryable }: Denial): string {
  const wants = asked.hold_usd === null ? '' : `, and the request may cost ${money(asked.hold_usd)}`;
  const holding = (usd: string): string => (usd === '0' ? '' : `, ${money(usd)} held by requests in flight`);
  const only = retryable ? ': only requests in flight are in the way' : '';
  switch (limit) {
    case 'credits':
      return `${scope} has ${money(limits.credits_usd)} of credits${holding(held.entity_usd)}${wants}${only}`;
    case 'project_monthly_cap':
      return `${scope} has used ${money(booked.project_month_usd)} of its monthly cap of ${money(limits.project_monthly_cap_usd)}${holding(held.project_usd)}${wants}${only}`;
    case 'entity_monthly_cap':
      return `${scope} has used ${money(booked.entity_month_usd)} of its monthly cap of ${money(limits.entity_monthly_cap_usd)}${holding(held.entity_usd)}${wants}${only}`;
    case 'entity_yearly_cap':
      return `${scope} has used ${money(booked.entity_year_usd)} of its yearly cap of ${money(limits.entity_yearly_cap_usd)}${holding(held.entity_usd)}${wants}${only}`;
    default:
      return `${scope} has ${scope.includes('/') ? held.project_requests : held.entity_requests} requests in flight, of ${(scope.includes('/') ? limits.project_requests : limits.entity_requests) ?? 'as many as it likes'} at once`;
  }
}
