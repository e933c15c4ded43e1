/** What the deciding scripts' replies mean. */
import { assert } from '../domain/errors.js';
import type { Period } from '../domain/period.js';
import { LIMITS, type Held } from '../domain/quota-rules.js';
import { readEntity, readProject } from './cached-state.js';
import type { Weighed } from './decision.js';
import type { LuaReply } from './lua-script.js';
import type { Cold, Denied, Passed, Reserved } from './redis-quota.js';

type Values = readonly (string | number)[];
export type Other = { readonly verdict: 'other'; readonly question: Weighed; readonly values: Values };

/** Where the fields of the verdict's own begin. */
const OWN = 7;

/** A reply is `cold` and the time, or the verdict, the facts, the holds of others, and fields of the verdict's own. */
export function toAnswer(reply: LuaReply): Cold | Denied | Other {
  const values = reply as Values;
  if (values[0] === 'cold') return { verdict: 'cold', at: new Date(Number(values[1])) };
  const { entity, version, at } = readEntity(String(values[1]));
  const project = readProject(String(values[2]));
  const holds = { entity: heldAt(values, 3), project: heldAt(values, 5) };
  const question = { entity, version, at, project, holds };
  return values[0] === 'denied'
    ? { verdict: 'denied', question, ...passedAt(values, OWN) }
    : { verdict: 'other', question, values };
}

function heldAt(values: Values, index: number): Held {
  return { nanos: Number(values[index]), count: Number(values[index + 1]) };
}

function passedAt(values: Values, index: number): Passed {
  const limit = LIMITS[Number(values[index]) - 1];
  assert(limit !== undefined, 'the script and the domain know the same limits');
  return { limit, retryable: values[index + 1] === 1 };
}

export function toReserved({ question, values }: Other): Reserved {
  const verdict = values[0];
  if (verdict === 'conflict') return { verdict, question };
  const period = (index: number) => String(values[index]) as Period;
  if (verdict === 'ended')
    return { verdict, question, period: period(OWN), endedMs: Number(values[OWN + 1]) };
  if (verdict === 'off')
    return { verdict, question, period: period(OWN), expiresMs: Number(values[OWN + 1]) };
  assert(verdict === 'held', 'a reservation is held, ended, in conflict or not asked for');
  return {
    verdict,
    question,
    holdPicos: BigInt(String(values[OWN])),
    period: period(OWN + 1),
    expiresMs: Number(values[OWN + 2]),
    passed: values.length > OWN + 3 ? passedAt(values, OWN + 3) : null,
  };
}
