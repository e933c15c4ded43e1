/** The model's quota: holds, and the decision that follows from them and the books. */
import type { Hold } from './accounts.js';
import { monthOf, MINUTE_MS } from './calendar.js';
import type { Model } from './model.js';
import { worstCase } from './price-versions.js';
import { usdOf, usdOrNull } from './usd.js';

/** How long Redis remembers that a reservation has ended. */
const TOMBSTONE_MS = 15 * MINUTE_MS;

export type Order = {
  readonly entity: string;
  readonly project: string;
  readonly model: string;
  /** Null where the order does not say: then the model's most for each of its inputs bounds them, and so do its bytes. */
  readonly input: number | null;
  readonly bytes: number | null;
  readonly inputs: number;
  readonly output: number;
  readonly requestId: string;
  readonly ttlSeconds: number;
};

/** The part of an answer that is compared. */
export type Verdict =
  | {
      readonly status: 201;
      readonly period: string;
      readonly hold_usd: string;
      readonly remaining: Remaining;
    }
  | { readonly status: 200; readonly period: string; readonly remaining: Remaining }
  | { readonly status: 429; readonly limit: string; readonly code: string }
  | { readonly status: 404 }
  | { readonly status: 409 };

export type Remaining = {
  readonly credits_usd: string | null;
  readonly project_cap_usd: string | null;
  readonly entity_cap_usd: string | null;
};

export class Decisions {
  /** By entity, then by request. */
  private readonly holds = new Map<string, Map<string, Hold>>();
  private readonly ended = new Map<string, number>();

  constructor(private readonly model: Model) {}

  reserve(order: Order, nowMs: number): Verdict {
    const { entity, project, model, input, bytes, inputs, output, requestId } = order;
    const price = this.model.priceFor({ model, entity, atMs: nowMs });
    if (price === null) return { status: 404 };
    this.model.touch(entity, nowMs);
    this.expire(entity, nowMs);
    const picos = worstCase(price, order);
    const hold = {
      project,
      picos,
      nanos: ceilDiv(picos, 1_000n),
      content: [project, model, input ?? `${bytes} for ${inputs}`, output].join(' '),
      expiresMs: nowMs + order.ttlSeconds * 1_000,
    };
    const held = this.holdsOf(entity);
    const known = held.get(requestId);
    if (known !== undefined && known.content !== hold.content) return { status: 409 };
    const answer = (heldPicos: bigint): Verdict => ({
      status: 201,
      period: monthOf(nowMs),
      hold_usd: usdOf(heldPicos),
      remaining: this.remaining(entity, project, { nowMs, without: requestId }),
    });
    // A price may have been published since.
    if (known !== undefined) return answer(known.picos);
    const endedMs = this.ended.get(`${entity} ${requestId}`);
    if (endedMs !== undefined && nowMs - endedMs < TOMBSTONE_MS) return { status: 409 };
    const denial = this.denial(entity, project, { nowMs, wanted: hold.nanos });
    if (denial !== null) return denial;
    held.set(requestId, hold);
    return answer(picos);
  }

  check(entity: string, project: string, nowMs: number): Verdict {
    this.model.touch(entity, nowMs);
    this.expire(entity, nowMs);
    return (
      this.denial(entity, project, { nowMs, wanted: 1n }) ?? {
        status: 200,
        period: monthOf(nowMs),
        remaining: this.remaining(entity, project, { nowMs, without: null }),
      }
    );
  }

  end(entity: string, requestId: string, nowMs: number): void {
    this.holdsOf(entity).delete(requestId);
    this.ended.set(`${entity} ${requestId}`, nowMs);
  }

  /** Whether the hold was still there. */
  extend(
    entity: string,
    requestId: string,
    { nowMs, ttlSeconds }: { nowMs: number; ttlSeconds: number },
  ): boolean {
    this.expire(entity, nowMs);
    const hold = this.holdsOf(entity).get(requestId);
    if (hold !== undefined) hold.expiresMs = Math.max(hold.expiresMs, nowMs + ttlSeconds * 1_000);
    return hold !== undefined;
  }

  /** Redis has lost every key. */
  forget(): void {
    this.holds.clear();
    this.ended.clear();
  }

  heldPicos(entity: string, nowMs: number): bigint {
    this.expire(entity, nowMs);
    return sumOf(this.holdsOf(entity).values()) * 1_000n;
  }

  private denial(
    entity: string,
    project: string,
    { nowMs, wanted }: { nowMs: number; wanted: bigint },
  ): Verdict | null {
    const all = [...this.holdsOf(entity).values()];
    const own = all.filter((hold) => hold.project === project);
    const limits = this.model.limitsOf(entity);
    const projectLimits = this.model.accounts.get(entity)?.projects.get(project);
    const { month, year, ofProject, credits } = this.figures(entity, project, nowMs);
    const room = (cap: bigint | null | undefined, cost: bigint) =>
      cap === null || cap === undefined ? null : floorDiv(cap - cost, 1_000n);
    const count = (limit: number | null | undefined) =>
      limit === null || limit === undefined ? null : BigInt(limit);
    const checks: [string, bigint | null, bigint, bigint][] = [
      ['concurrency', count(projectLimits?.maxConcurrent), BigInt(own.length), 1n],
      ['concurrency', count(limits.maxConcurrent), BigInt(all.length), 1n],
      ['project_monthly_cap', room(this.model.projectCap(entity, project), ofProject), sumOf(own), wanted],
      ['entity_monthly_cap', room(limits.monthlyCap, month), sumOf(all), wanted],
      ['entity_yearly_cap', room(limits.yearlyCap, year), sumOf(all), wanted],
      ['credits', limits.overage === 'allowed' ? null : floorDiv(credits, 1_000n), sumOf(all), wanted],
    ];
    const passed = checks.find(([, left, held, more]) => left !== null && held + more > left);
    if (passed === undefined) return null;
    const [limit, left, , more] = passed;
    const code = more <= left! ? 'rate_limit_exceeded' : 'insufficient_quota';
    return { status: 429, limit, code };
  }

  private remaining(
    entity: string,
    project: string,
    { nowMs, without }: { nowMs: number; without: string | null },
  ): Remaining {
    const others = [...this.holdsOf(entity)].filter(([id]) => id !== without).map(([, hold]) => hold);
    const own = others.filter((hold) => hold.project === project);
    const limits = this.model.limitsOf(entity);
    const projectCap = this.model.projectCap(entity, project);
    const { month, year, ofProject, credits } = this.figures(entity, project, nowMs);
    const left = (limit: bigint | null, cost: bigint, holds: Hold[]) =>
      limit === null ? null : max(0n, limit - cost - sumOf(holds) * 1_000n);
    const caps = [left(limits.monthlyCap, month, others), left(limits.yearlyCap, year, others)];
    const tightest = caps.reduce((a, b) => (a === null ? b : b === null ? a : a < b ? a : b), null);
    return {
      credits_usd: limits.overage === 'allowed' ? null : usdOrNull(left(credits, 0n, others)),
      project_cap_usd: usdOrNull(left(projectCap, ofProject, own)),
      entity_cap_usd: usdOrNull(tightest),
    };
  }

  private figures(entity: string, project: string, nowMs: number) {
    const account = this.model.accounts.get(entity);
    const month = monthOf(nowMs);
    let year = 0n;
    for (const [period, cost] of account?.spend ?? []) if (period.startsWith(month.slice(0, 5))) year += cost;
    return {
      month: account?.spend.get(month) ?? 0n,
      year,
      ofProject: account?.projectSpend.get(`${month} ${project}`) ?? 0n,
      credits: account?.credits(nowMs) ?? 0n,
    };
  }

  private holdsOf(entity: string): Map<string, Hold> {
    let holds = this.holds.get(entity);
    if (holds === undefined) this.holds.set(entity, (holds = new Map()));
    return holds;
  }

  private expire(entity: string, nowMs: number): void {
    for (const [id, { expiresMs }] of this.holdsOf(entity)) {
      if (expiresMs <= nowMs) this.end(entity, id, nowMs);
    }
  }
}

function sumOf(holds: Iterable<Hold>): bigint {
  let sum = 0n;
  for (const { nanos } of holds) sum += nanos;
  return sum;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

function floorDiv(a: bigint, b: bigint): bigint {
  return a >= 0n ? a / b : -ceilDiv(-a, b);
}
