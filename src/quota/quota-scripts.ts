/** The Lua scripts: the files that each is made of, and its arguments in the sequence in which the script names them. */
import type { Order } from '../http/list-order.js';
import { LuaScript } from './lua-script.js';

/** Empty for Redis' own clock. */
type Now = { readonly now_ms: string };

/** Every script that decides takes these: the project, and which states it may decide by. */
export type DecidingArguments = Now & {
  readonly age_ms_max: number;
  readonly valid_from_ms: number;
  readonly project_name: string;
};

type ReservationArgument = { readonly reservation_id: string };

/** lua/reserve-arguments.lua explains them. */
type ReserveArguments = DecidingArguments &
  ReservationArgument & {
    readonly content: string;
    readonly ttl_ms: number;
    readonly weighed_nanos: number;
    readonly hold_nanos: number;
    readonly hold_picos: string;
    readonly learned_nanos: number | string;
    readonly learned_picos: string;
    readonly learned_from_nanos: number;
  };

/** lua/grant-lease.lua explains them. */
type GrantLeaseArguments = DecidingArguments & {
  readonly lease_id: string;
  readonly statement_sequence: number;
  readonly outstanding_nanos: number;
  readonly free_nanos: number;
  readonly wanted_nanos: number;
  readonly least_nanos: number;
  readonly lease_ttl_ms: number;
  readonly request_ttl_ms: number;
  readonly finished: string;
  readonly is_end: number;
};

/** The list that follows is made in state-encoding.ts. */
type PublishStatesArguments = Now & { readonly entity_count: number };

type KeepDenialArguments = {
  readonly decision_id: string;
  readonly record: string;
  readonly count_max: number;
  readonly ttl_seconds: number;
};

const HOLDS = ['holds', 'expire-holds'];
const DECISION = [...HOLDS, 'recall-leases', 'decision'];

export const RESERVE = new LuaScript(
  ['reserve-arguments', 'bounds', 'reserve-fast-path', ...DECISION, 'reserve'],
  (a: ReserveArguments) => [
    a.now_ms,
    a.age_ms_max,
    a.valid_from_ms,
    a.project_name,
    a.reservation_id,
    a.content,
    a.ttl_ms,
    a.weighed_nanos,
    a.hold_nanos,
    a.hold_picos,
    a.learned_nanos,
    a.learned_picos,
    a.learned_from_nanos,
  ],
);

export const CHECK = new LuaScript(
  ['bounds', ...DECISION, 'check'],
  (a: DecidingArguments & { readonly weighed_nanos: number }) => [
    a.now_ms,
    a.age_ms_max,
    a.valid_from_ms,
    a.project_name,
    a.weighed_nanos,
  ],
);

export const RELEASE = new LuaScript(
  ['release-arguments', 'bounds', 'release-fast-path', ...HOLDS, 'release'],
  (a: Now & ReservationArgument) => [a.now_ms, a.reservation_id],
);

export const EXTEND = new LuaScript(
  ['bounds', 'holds', 'extend'],
  (a: Now & ReservationArgument & { readonly ttl_ms: number }) => [a.now_ms, a.reservation_id, a.ttl_ms],
);

export const HELD_TOTAL = new LuaScript(['bounds', ...HOLDS, 'held-total'], (a: Now) => [a.now_ms]);

export const FIND_HOLD = new LuaScript(['bounds', 'holds', 'find-hold'], (a: Now & ReservationArgument) => [
  a.now_ms,
  a.reservation_id,
]);

export const LIST_HOLDS = new LuaScript(
  ['bounds', ...HOLDS, 'list-holds'],
  (a: Now & { readonly after_id: string; readonly count_max: number; readonly order: Order }) => [
    a.now_ms,
    a.after_id,
    a.count_max,
    a.order,
  ],
);

export const ADOPT_LOCAL_HOLDS = new LuaScript(
  ['bounds', ...HOLDS, 'adopt-local-holds'],
  (a: Now & { readonly holds: string; readonly ended: string }) => [a.now_ms, a.holds, a.ended],
);

export const GRANT_LEASE = new LuaScript(['bounds', ...DECISION, 'grant-lease'], (a: GrantLeaseArguments) => [
  a.now_ms,
  a.age_ms_max,
  a.valid_from_ms,
  a.project_name,
  a.lease_id,
  a.statement_sequence,
  a.outstanding_nanos,
  a.free_nanos,
  a.wanted_nanos,
  a.least_nanos,
  a.lease_ttl_ms,
  a.request_ttl_ms,
  a.finished,
  a.is_end,
]);

export const PUBLISH_STATES = new LuaScript(
  ['bounds', ...HOLDS, 'recall-leases', 'publish-states'],
  (a: PublishStatesArguments) => [a.now_ms, a.entity_count],
);

export const KEEP_DENIAL = new LuaScript(['keep-denial'], (a: KeepDenialArguments) => [
  a.decision_id,
  a.record,
  a.count_max,
  a.ttl_seconds,
]);
