/** How a customer stands, in a word or two: what stops its requests comes first. */
import type { Schemas } from '../../api/client.js';
import { Badge } from '../../parts/badge.js';

type Customer = Schemas['Customer'];

export const STATE_WORDS: Readonly<Record<Schemas['CustomerState'], string>> = {
  cap_reached: 'Refused: cap reached',
  out_of_credits: 'Refused: out of credits',
  overage: 'In overage',
  within_limits: 'Within limits',
};

const LIMIT_WORDS: Readonly<Record<string, string>> = {
  credits: 'credits',
  project_monthly_cap: 'a project’s cap',
  entity_monthly_cap: 'the monthly cap',
  entity_yearly_cap: 'the yearly cap',
  concurrency: 'requests in flight',
};

export function limitWords(limit: string): string {
  return LIMIT_WORDS[limit] ?? limit;
}

/** Whether its next request is refused. Where the mode is shadow or off, no limit refuses. */
export function isRefused({ state, quota_mode: mode }: Pick<Customer, 'state' | 'quota_mode'>): boolean {
  return mode === 'enforce' && (state === 'cap_reached' || state === 'out_of_credits');
}

/** Whether it spent its credits of late and is refused for lack of more. */
export function hasRunOut({
  state,
  credits_until: until,
}: Pick<Customer, 'state' | 'credits_until'>): boolean {
  return state === 'out_of_credits' && until !== null;
}

export function CustomerState({ customer }: { customer: Customer }) {
  const { state, quota_mode: mode } = customer;
  if (isRefused(customer)) return <Badge tone="bad">{STATE_WORDS[state]}</Badge>;
  return (
    <>
      {state === 'overage' && <Badge tone="warn">{STATE_WORDS[state]}</Badge>}{' '}
      {mode !== 'enforce' && <Badge tone="plain">Mode {mode}</Badge>}
    </>
  );
}
