/** What a request is charged for, by how it ended. A pure function: the table in the gateway's README says the same in words. */
import type { UsageSource } from '@tally/client';
import type { Endpoint } from './endpoints.js';
import { AnswerReader } from './answer-reading.js';
import { estimatedUsage } from './estimated-usage.js';
import type { PassageEnd } from './passage.js';
import type { InputFacts } from './request-reading.js';

export interface Charge {
  /** Null where nothing is charged. */
  readonly usage: object | null;
  readonly usageSource: UsageSource;
  readonly serviceTier: string | null;
}

export interface ChargeFacts {
  readonly endpoint: Endpoint;
  readonly input: InputFacts;
  /** Whether a stream that its server broke off is charged for what came. */
  readonly chargesCutStreams: boolean;
}

const NO_ANSWER = new AnswerReader();

export function chargeOf({ how, body }: PassageEnd, facts: ChargeFacts): Charge {
  const answer = body?.answer ?? NO_ANSWER;
  const { serviceTier } = answer;
  const charge = (usage: object | null, usageSource: UsageSource): Charge => ({
    usage,
    usageSource,
    serviceTier,
  });
  const nothing = charge(null, 'reported');
  if (how === 'refused') return nothing;
  // Only a shutdown of the gateway stops such a request, and its caller has got nothing.
  if (how === 'stopped' && body === null && !facts.endpoint.generates) return nothing;
  const isReported = answer.usage !== null && answer.isWhole;
  // A part of a plain answer is of no use to the caller.
  if (how === 'cut' && body?.kind !== 'stream') return nothing;
  if (isReported) return charge(answer.usage, 'reported');
  const isFailed = how === 'cut' || answer.hasFailed;
  if (isFailed && (!facts.chargesCutStreams || answer.pieceCount === 0)) return nothing;
  const { endpoint, input } = facts;
  const estimate = estimatedUsage(endpoint.operation, { input, answer, itemCount: body?.itemCount ?? 0 });
  return charge(estimate, 'estimated');
}
