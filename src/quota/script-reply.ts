/** What the deciding scripts' replies mean. */
import { assert } from '../domain/errors.js';
import type { Period } from '../domain/period.js';
import { LIMITS } from '../domain/quota.js';
import { readEntity, readProject } from './cached-state.js';
import type { Weighed } from './decision.js';
import type { LuaReply } from './lua-script.js';
import type { Cold, Denied, Passed, Reserved } from './redis-quota.js';

export type Other = {
  readonly verdict: 'other';
  readonly question: Weighed;
  readonly fields: readonly LuaReply[];
};

/** A reply is `cold` and the time, or the verdict, the facts, the holds of others, and fields of the verdict's own. */
export function toAnswer(reply: LuaReply): Cold | Denied | Other {
  const values = reply as readonly (string | number)[];
  if (values[0] === 'cold') return { verdict: 'cold', at: new Date(Number(values[1])) };
  const [verdict, entityFacts, projectFacts, nanos, count, projectNanos, projectCount, ...fields] = values;
  const question = {
    ...readEntity(String(entityFacts)),
    project: readProject(String(projectFacts)),
    holds: {
      entity: { nanos: Number(nanos), count: Number(count) },
      project: { nanos: Number(projectNanos), count: Number(projectCount) },
    },
  };
  if (verdict !== 'denied') return { verdict: 'other', question, fields: [verdict ?? '', ...fields] };
  return { verdict, question, ...toPassed(fields) };
}

function toPassed([number, retryable]: readonly LuaReply[]): Passed {
  const limit = LIMITS[Number(number) - 1];
  assert(limit !== undefined, 'the script and the domain know the same limits');
  return { limit, retryable: retryable === 1 };
}

export function toReserved({ question, fields }: Other): Reserved {
  const [verdict, ...rest] = fields;
  if (verdict === 'conflict') return { verdict, question };
  if (verdict === 'ended') {
    return { verdict, question, period: String(rest[0]) as Period, endedMs: Number(rest[1]) };
  }
  if (verdict === 'off') {
    return { verdict, question, period: String(rest[0]) as Period, expiresMs: Number(rest[1]) };
  }
  assert(verdict === 'held', 'a reservation is held, ended, in conflict or not asked for');
  const [picos, period, expiresMs, ...passed] = rest;
  return {
    verdict,
    question,
    holdPicos: BigInt(String(picos)),
    period: String(period) as Period,
    expiresMs: Number(expiresMs),
    passed: passed.length === 0 ? null : toPassed(passed),
  };
}
