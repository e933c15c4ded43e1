/** What the deciding scripts reply, and what it means. */
import { assert } from '../domain/errors.js';
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import type { NextHold } from '../domain/quota-denial.js';
import { LIMITS, unlimited, type ExceededLimit, type Held } from '../domain/quota-limits.js';
import type { VersionedQuestion } from './decision.js';
import type { LuaReply } from './lua-script.js';
import { cacheByKey } from './generational-cache.js';
import { readHold } from './hold-text.js';
import { readEntity, readProject } from './state-encoding.js';

/** The states cannot decide and must be loaded, as of the given time. */
export type Cold = { readonly verdict: 'cold'; readonly at: Date };
export type DeniedReply = ExceededLimit & {
  readonly verdict: 'denied';
  readonly question: VersionedQuestion;
  /** Of the entity; null where nothing is held, or waiting does not help. */
  readonly nextHold: NextHold | null;
};
export type CheckReply =
  Cold | DeniedReply | { readonly verdict: 'allowed'; readonly question: VersionedQuestion };

/**
 * `held`: there is a hold, from now or from before; `exceeded` is the limit that would have denied it where the entity is only
 * watched. `ended`: there was a hold, and it does not come back: the request id was used. `off`: the limits are off, so nothing is held.
 */
export type ReservedReply =
  | {
      verdict: 'held';
      question: VersionedQuestion;
      holdPicos: bigint;
      period: Period;
      expiresMs: number;
      exceeded: ExceededLimit | null;
    }
  | { verdict: 'off'; question: VersionedQuestion; period: Period; expiresMs: number }
  | Refused;
/** The id was used: with other content, or for a hold that has ended. */
type Refused =
  { verdict: 'ended'; question: VersionedQuestion } | { verdict: 'conflict'; question: VersionedQuestion };
export type AdmittedReply = Exclude<ReservedReply, Refused>;
export type ReserveReply = Cold | DeniedReply | ReservedReply;

type Values = readonly (string | number)[];
type OtherReply = {
  readonly verdict: 'other';
  readonly question: VersionedQuestion;
  readonly values: Values;
};

/** Index of the first field that depends on the verdict. */
const OWN = 7;

/** A reply is `cold` and the time; or the verdict, the facts of the entity and of its project (empty where that has
 * no limit), what others hold, and the verdict's own fields. */
export class ScriptReplies {
  /** Every decision between two publications of a state reads the same facts. */
  private readonly entityOf = cacheByKey(String, readEntity);
  private readonly projectOf = cacheByKey(String, readProject);

  ofCheck(reply: LuaReply, project: ProjectName): CheckReply {
    const answer = this.read(reply, project);
    if (answer.verdict !== 'other') return answer;
    assert(answer.values[0] === 'allowed', 'a check is cold, denied or allowed');
    return { verdict: 'allowed', question: answer.question };
  }

  ofReservation(reply: LuaReply, project: ProjectName): ReserveReply {
    const answer = this.read(reply, project);
    return answer.verdict === 'other' ? toReserved(answer) : answer;
  }

  private read(reply: LuaReply, name: ProjectName): Cold | DeniedReply | OtherReply {
    const values = reply as Values;
    if (values[0] === 'cold') return { verdict: 'cold', at: new Date(Number(values[1])) };
    const { entity, version, at } = this.entityOf(String(values[1]));
    const project = values[2] === '' ? unlimited(name) : this.projectOf(String(values[2]));
    const holds = { entity: heldAt(values, 3), project: heldAt(values, 5) };
    const question = { entity, version, at, project, holds };
    if (values[0] !== 'denied') return { verdict: 'other', question, values };
    const nextHold = nextHoldAt(entity.entity, values, OWN + 2);
    return { verdict: 'denied', question, ...exceededAt(values, OWN), nextHold };
  }
}

function heldAt(values: Values, index: number): Held {
  return { nanos: Number(values[index]), count: Number(values[index + 1]) };
}

function exceededAt(values: Values, index: number): ExceededLimit {
  const limit = LIMITS[Number(values[index]) - 1];
  assert(limit !== undefined, 'the script and the domain know the same limits');
  return { limit, retryable: values[index + 1] === 1 };
}

function nextHoldAt(entity: EntityName, values: Values, index: number): NextHold | null {
  const [id, expires, text] = values.slice(index, index + 3).map(String);
  if (id === undefined || expires === undefined || text === undefined) return null;
  const hold = readHold(entity, { id, expiresMs: Number(expires), text })?.hold;
  if (hold === undefined) return null;
  return { id, project: hold.subject.project, sinceMs: hold.sinceMs, expiresMs: hold.expiresMs };
}

function toReserved({ question, values }: OtherReply): ReservedReply {
  const verdict = values[0];
  if (verdict === 'conflict' || verdict === 'ended') return { verdict, question };
  const period = (index: number) => String(values[index]) as Period;
  if (verdict === 'off')
    return { verdict, question, period: period(OWN), expiresMs: Number(values[OWN + 1]) };
  assert(verdict === 'held', 'a reservation is cold, denied, held, off, ended or in conflict');
  return {
    verdict,
    question,
    holdPicos: BigInt(String(values[OWN])),
    period: period(OWN + 1),
    expiresMs: Number(values[OWN + 2]),
    exceeded: values.length > OWN + 3 ? exceededAt(values, OWN + 3) : null,
  };
}
