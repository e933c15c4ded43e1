/** A reservation holds what a request may cost until its usage event is booked, it is released, or it expires. */

/** How long a hold lasts that names no time, and the longest that may be asked for. */
export const HOLD_SECONDS_DEFAULT = 900;
export const HOLD_SECONDS_MAX = 86_400;

/** The most inputs or outputs that one request may name. */
export const ANSWERS_MAX = 1_000_000;

/** Tally's answer to a request that may run. */
export interface Reservation {
  /** `res_…`: goes into the usage event as `reservation_id`. */
  readonly id: string;
  /** `entity/project` */
  readonly project: string;
  readonly model: string;
  /** The other models of the list, where one was asked for. */
  readonly fallbacks?: readonly string[] | undefined;
  /** The tier that was asked for, in Tally's spelling, and the region; absent where none was. */
  readonly service_tier?: string | undefined;
  readonly region?: string | undefined;
  /** The calendar month in UTC that the cost is booked to, such as `2026-11`. */
  readonly period: string;
  /** What is held, in US dollars. */
  readonly hold_usd: string;
  /** Unix seconds. */
  readonly expires_at: number;
  readonly remaining: Remaining;
  /** What the held output is based on: `requested`, `learned` of the model, the model's `maximum`, or `none`. */
  readonly hold_basis?: string;
  /** Present where limits may not deny: `shadow` or `off`. */
  readonly mode?: string;
  /** In `shadow`: the denial that would have been given. */
  readonly shadow_denial?: {
    readonly limit: string;
    readonly scope: string;
    readonly retryable: boolean;
    readonly decision_id: string;
  };
  /** True where Redis or Postgres was down when Tally decided. */
  readonly degraded?: boolean;
}

/** What other requests have left over, in US dollars; null where there is no such limit. */
export interface Remaining {
  readonly credits_usd: string | null;
  readonly project_cap_usd: string | null;
  readonly entity_cap_usd: string | null;
}

/**
 * Ids of reservations and leases name their entity, so that no index is needed to find what they belong to. The characters
 * before it are base64url, and unique. Tally makes them, or for leased requests the gateway.
 */
export const UNIQUE_PART_LENGTH = 22;

export const RESERVATION_ID = /^res_[A-Za-z0-9_-]{22}\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;
export const LEASE_ID = /^lease_[A-Za-z0-9_-]{22}\.([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;

export function reservationId(uniquePart: string, entity: string): string {
  return `res_${uniquePart}.${entity}`;
}

export function leaseId(uniquePart: string, entity: string): string {
  return `lease_${uniquePart}.${entity}`;
}

/** Null where the text is no reservation id. */
export function entityOfReservationId(id: string): string | null {
  return RESERVATION_ID.exec(id)?.[1] ?? null;
}

/** Null where the text is no lease id. */
export function entityOfLeaseId(id: string): string | null {
  return LEASE_ID.exec(id)?.[1] ?? null;
}
