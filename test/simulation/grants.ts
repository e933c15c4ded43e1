/** The model's grants: which of them pay, and which first. */
import { GRACE_MS } from './calendar.js';

export type Grant = {
  readonly id: string;
  readonly category: 'paid' | 'promotional';
  readonly priority: number;
  readonly amount: bigint;
  readonly effectiveMs: number;
  /** An allowance's, or one that somebody chose: it pays nothing from before. */
  readonly hasStart: boolean;
  /** Whose statement has it: the month of an allowance, of others that in which they were made. */
  readonly month: string;
  readonly expiresMs: number | null;
  /** Orders grants that nothing else orders. */
  readonly createdMs: number;
  remaining: bigint;
  burnt: bigint;
  /** Refunds too. */
  voided: bigint;
  expired: bigint;
  /** What paid debts. */
  repaid: bigint;
  /** Credits that come back to it are void. */
  isVoided: boolean;
  isFrozen: boolean;
};

/** What occurred at `atMs` and is booked now. */
export type When = { readonly atMs: number; readonly nowMs: number };

export const UNUSED = {
  burnt: 0n,
  voided: 0n,
  expired: 0n,
  repaid: 0n,
  isVoided: false,
  isFrozen: false,
} as const;

/** What occurred while it was valid, or is booked while it is valid if it has no start; until its grace is over. */
export function pays(grant: Grant, { atMs, nowMs }: When): boolean {
  const expiresMs = grant.expiresMs ?? Infinity;
  if (grant.isFrozen || grant.isVoided) return false;
  if (isOver(grant, nowMs) || atMs >= expiresMs) return false;
  return atMs >= grant.effectiveMs || (!grant.hasStart && grant.effectiveMs <= nowMs && nowMs < expiresMs);
}

export function isOver({ expiresMs }: Grant, nowMs: number): boolean {
  return expiresMs !== null && nowMs >= expiresMs + GRACE_MS;
}

export function byBurnOrder(a: Grant, b: Grant): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  const [aEnds, bEnds] = [a.expiresMs ?? 1e18, b.expiresMs ?? 1e18];
  if (aEnds !== bEnds) return aEnds - bEnds;
  if (a.category !== b.category) return a.category === 'promotional' ? -1 : 1;
  if (a.createdMs !== b.createdMs) return a.createdMs - b.createdMs;
  return a.id < b.id ? -1 : 1;
}
