/** Refuses to charge by books that disagree: no statement is better than a wrong one. */
import { formatUsd } from '@tally/client/protocol';
import { TallyError } from './errors.js';

/** `[what it is, such as "its overage", how much]`. */
type Side = readonly [what: string, picos: bigint];

const WHAT_TO_DO =
  'An admin has to reconcile them (GET /v1/admin/reconciliation) and repair what differs (POST /v1/admin/reconciliation/repair)';

/** Fails unless the two ways to know one amount agree. It is a fault of the service, never of the caller. */
export function requireAgreement(left: Side, right: Side): void {
  const apart = left[1] - right[1];
  if (apart === 0n) return;
  throw new TallyError(
    'books_differ',
    `the books disagree by ${dollars(apart < 0n ? -apart : apart)}: ${textOf(left)}, and ${textOf(right)}. ${WHAT_TO_DO}`,
  );
}

function textOf([what, picos]: Side): string {
  return `${what} is ${dollars(picos)}`;
}

function dollars(picos: bigint): string {
  return picos < 0n ? `-$${formatUsd(-picos)}` : `$${formatUsd(picos)}`;
}
