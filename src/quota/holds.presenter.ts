/** Holds as JSON. */
import { formatUsd } from '@tally/client/protocol';
import { formatSubject } from '../domain/ids.js';
import { unixSeconds } from '../domain/unix-time.js';
import type { HeldThing } from './hold-text.js';
import type { HeldHold } from './holds.schema.js';

export function presentHeld({ kind, hold }: HeldThing, now: Date): HeldHold {
  const { sinceMs } = hold;
  return {
    object: 'quota.hold',
    id: hold.id,
    kind,
    project: formatSubject(hold.subject),
    model: hold.isOfLease ? null : hold.model,
    fallbacks: [...hold.fallbacks],
    request_id: hold.requestId,
    input_tokens: hold.inputTokens,
    max_output_tokens: hold.maxOutputTokens,
    service_tier: hold.serviceTier,
    region: hold.region,
    period: hold.period,
    hold_usd: formatUsd(hold.holdPicos),
    created_at: sinceMs === null ? null : unixSeconds(new Date(sinceMs)),
    age_seconds: sinceMs === null ? null : Math.max(0, Math.floor((now.getTime() - sinceMs) / 1_000)),
    expires_at: unixSeconds(new Date(hold.expiresMs)),
  };
}
