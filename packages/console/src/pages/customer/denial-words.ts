/** Why a request was refused, in a sentence: which limit, how far, and when there is room again. */
import type { components } from '../../../generated/document.js';
import { picosOf, readableUsd, roundUsd } from '../../parts/money.js';
import { dayOf, plural } from '../../parts/times.js';

type Decision = components['schemas']['DeniedDecision'];

type Denied = Pick<Decision, 'limit' | 'scope' | 'retryable' | 'resets_at' | 'booked' | 'limits' | 'mode'> & {
  readonly held: Omit<Decision['held'], 'next_to_end'>;
};

export function denialSentence(denied: Denied): string {
  const { limit, scope, retryable, resets_at: resetsAt, mode } = denied;
  const admitted = mode === 'shadow' ? ' It was admitted anyway: the mode is shadow.' : '';
  const again = retryable
    ? 'Requests in flight hold the rest; there is room when they end.'
    : resetsAt === null
      ? limit === 'credits'
        ? 'There is room when credits are granted.'
        : 'There is room when requests end.'
      : `There is room again on ${dayOf(resetsAt)}.`;
  return `${reachedOf(denied, scope)} ${again}${admitted}`;
}

function reachedOf({ limit, booked, held, limits }: Denied, scope: string): string {
  switch (limit) {
    case 'project_monthly_cap':
      return figures(`The monthly cap of the project ${scope}`, limits.project_monthly_cap_usd, {
        booked: booked.project_month_usd,
        held: held.project_usd,
      });
    case 'entity_monthly_cap':
      return figures('The monthly cap', limits.entity_monthly_cap_usd, {
        booked: booked.entity_month_usd,
        held: held.entity_usd,
      });
    case 'entity_yearly_cap':
      return figures('The yearly cap', limits.entity_yearly_cap_usd, {
        booked: booked.entity_year_usd,
        held: held.entity_usd,
      });
    case 'credits':
      return `The credits are used up: ${usd(limits.credits_usd)} left, ${usd(held.entity_usd)} held by requests in flight.`;
    default: {
      const isProject = scope.includes('/');
      const most = isProject ? limits.project_requests : limits.entity_requests;
      const now = isProject ? held.project_requests : held.entity_requests;
      return `${plural(now, 'request')} of ${scope} in flight${most === null ? '' : `, ${most} at most`}.`;
    }
  }
}

function figures(name: string, limit: string | null, of: { booked: string | null; held: string }): string {
  const cap = limit === null ? '' : ` of ${roundUsd(picosOf(limit))}`;
  return `${name}${cap} is reached: ${usd(of.booked)} booked, ${usd(of.held)} held.`;
}

function usd(text: string | null): string {
  return text === null ? 'an unknown amount' : readableUsd(picosOf(text));
}
