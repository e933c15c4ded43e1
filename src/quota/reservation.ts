/** From what is asked to what is held, and from the script's answer to the reservation that the caller gets. */
import { reservationIdOf, type Subject } from '../domain/ids.js';
import { remainingOf } from '../domain/quota-rules.js';
import type { Asked, Hold, Reservation, ReserveOrder } from './decision.js';
import { basisOf, type Size } from './hold-size.js';
import type { HoldOrder, KeptHold, Reserved } from './redis-quota.js';

export function holdOrderOf(order: ReserveOrder, { worstPicos, learnedPicos }: Size): HoldOrder {
  const { subject, model, inputTokens = null, maxOutputTokens = null, requestId = null, ttlSeconds } = order;
  const { entity, project } = subject;
  const id = reservationIdOf(subject, requestId);
  const content = { model, inputTokens, maxOutputTokens };
  return { entity, project, id, holdPicos: worstPicos, learnedPicos, ttlSeconds, content };
}

export function reservationOf(
  order: ReserveOrder,
  size: Size,
  { id, answer }: { id: string; answer: Exclude<Reserved, { verdict: 'conflict' }> },
): Reservation {
  const { subject, model } = order;
  const isOff = answer.verdict === 'off';
  const holdPicos = answer.verdict === 'held' ? answer.holdPicos : isOff ? 0n : (size.worstPicos ?? 0n);
  const basis = isOff ? 'none' : basisOf(order, size, holdPicos);
  const expiresAt = unixSeconds(answer.verdict === 'ended' ? answer.endedMs : answer.expiresMs);
  const remaining = remainingOf(answer.question);
  return { id, subject, model, period: answer.period, holdPicos, basis, expiresAt, remaining };
}

export function holdOf(subject: Subject, { id, content, period, holdPicos, expiresMs }: KeptHold): Hold {
  return { id, subject, model: content.model, period, holdPicos, expiresAt: unixSeconds(expiresMs) };
}

/** Where a limit of money denied, it was the worst case that was weighed: a learned size fits as long as it is preferred. */
export function askedOf(order: ReserveOrder, { worstPicos: holdPicos }: Size): Asked {
  const { subject, model, inputTokens = null, maxOutputTokens = null, requestId = null } = order;
  return { kind: 'reservation', subject, model, inputTokens, maxOutputTokens, requestId, holdPicos };
}

export function checked(subject: Subject): Asked {
  const nothing = { model: null, inputTokens: null, maxOutputTokens: null, requestId: null, holdPicos: null };
  return { kind: 'check', subject, ...nothing };
}

/** Whole seconds, never later than the truth. */
function unixSeconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
