/** What admins do with credits: as a request to Tally, and as what it does to the model's account. */
import assert from 'node:assert/strict';
import type { Account } from './accounts.js';
import { monthOf } from './calendar.js';
import { UNUSED, type Grant } from './grants.js';
import { usdOf } from './usd.js';

export type CreditChange =
  | {
      readonly what: 'grant';
      readonly entity: string;
      readonly amount: bigint;
      readonly category: 'paid' | 'promotional';
      readonly priority: number;
      readonly effectiveMs: number | null;
      readonly expiresMs: number | null;
    }
  | {
      readonly what: 'take';
      readonly entity: string;
      readonly grantId: string;
      /** Null is what is left. */
      readonly amount: bigint | null;
      readonly isRefund: boolean;
    }
  | { readonly what: 'freeze' | 'unfreeze'; readonly entity: string; readonly grantId: string };

const KINDS: ReadonlySet<string> = new Set(['grant', 'take', 'freeze', 'unfreeze']);

export function isOfCredits(change: { what: string }): change is CreditChange {
  return KINDS.has(change.what);
}

export function creditRequest(change: CreditChange): { request: string; body: unknown } {
  const path = `POST /v1/admin/entities/${change.entity}/credits`;
  if (change.what === 'grant') {
    const { amount, category, priority, effectiveMs, expiresMs } = change;
    const times = { effective_at: timeOrNull(effectiveMs), expires_at: timeOrNull(expiresMs) };
    return { request: path, body: { amount_usd: usdOf(amount), category, priority, ...times } };
  }
  const of = `${path}/${change.grantId}`;
  if (change.what !== 'take') return { request: `${of}/${change.what}`, body: { reason: 'simulated' } };
  const amount = change.amount === null ? {} : { amount_usd: usdOf(change.amount) };
  return { request: `${of}/void`, body: { reason: 'simulated', ...amount, refund: change.isRefund } };
}

/** Whether Tally must refuse it: nobody paid for promotional credits, and no more can be taken than a grant had. */
export function isRefused(change: CreditChange, account: Account): boolean {
  if (change.what !== 'take') return false;
  const grant = grantOf(change, account);
  if (change.isRefund && grant.category !== 'paid') return true;
  return change.amount !== null && change.amount > account.takeable(grant);
}

/** `id` is that of a new grant. */
export function applyToCredits(
  change: CreditChange,
  account: Account,
  { id, nowMs }: { id: string; nowMs: number },
): void {
  if (change.what === 'grant') {
    const { amount, category, priority, effectiveMs, expiresMs } = change;
    const times = {
      effectiveMs: effectiveMs ?? nowMs,
      expiresMs,
      createdMs: nowMs,
      hasStart: effectiveMs !== null,
      month: monthOf(nowMs),
    };
    account.grant({ id, amount, category, priority, ...times, ...UNUSED, remaining: amount }, nowMs);
    return;
  }
  const grant = grantOf(change, account);
  if (change.what === 'take') {
    account.take(grant, { amount: change.amount, isRefund: change.isRefund, nowMs });
    return;
  }
  grant.isFrozen = change.what === 'freeze';
  account.settle(nowMs);
}

/** What Tally answers about the grant afterwards. */
export function grantShown(account: Account, { id, nowMs }: { id: string; nowMs: number }): object {
  const grant = account.grants.find((one) => one.id === id)!;
  const isLapsed = !grant.isFrozen && grant.expiresMs !== null && grant.expiresMs <= nowMs;
  const lapsed = isLapsed ? grant.remaining : 0n;
  return {
    remaining_usd: usdOf(grant.remaining - lapsed),
    burnt_usd: usdOf(grant.burnt),
    voided_usd: usdOf(grant.voided),
    debt_paid_usd: usdOf(grant.repaid),
    owed_usd: usdOf(account.owedFor(grant)),
    expired_usd: usdOf(grant.expired + lapsed),
  };
}

function grantOf({ grantId }: { grantId: string }, { grants }: Account): Grant {
  const grant = grants.find(({ id }) => id === grantId);
  assert.ok(grant !== undefined);
  return grant;
}

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
