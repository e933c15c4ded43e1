/** Leases as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatSubject } from '../domain/ids.js';
import { formatUsdPerMillion } from '../domain/money.js';
import type { HoldRates, Lease as LeaseOf } from './lease.js';
import type { Lease } from './leases.schema.js';

export function presentLease(lease: LeaseOf): Lease {
  return {
    object: 'quota.lease',
    id: lease.id,
    project: formatSubject(lease.subject),
    sequence: lease.sequence,
    granted_usd: formatUsd(lease.grantedPicos),
    give_back_usd: formatUsd(lease.giveBackPicos),
    lifetime_ms: lease.lifetimeMs,
    reason: lease.reason,
    prices: lease.rates.map(presentRates),
    ...(lease.degraded ? { degraded: true } : {}),
  };
}

function presentRates(rates: HoldRates): Lease['prices'][number] {
  return {
    model: rates.model,
    input_usd_per_million: formatUsdPerMillion(rates.inputPicosPerToken),
    output_usd_per_million: formatUsdPerMillion(rates.outputPicosPerToken),
    request_usd: formatUsd(rates.requestPicos),
    input_tokens_default: rates.inputTokensDefault,
    output_tokens_default: rates.outputTokensDefault,
  };
}
