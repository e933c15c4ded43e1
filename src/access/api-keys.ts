/** Whom a secret belongs to. How keys are made and ended stands in managed-keys.ts. */
import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { OVERLOADED_MESSAGE } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import { Clock } from '../platform/clock.js';
import { Deadlines } from '../platform/deadline.js';
import { isOutage, RecentOutage } from '../platform/outage.js';
import { findKeyByHash } from './api-key-rows.js';
import { Database } from '../platform/database.js';
import type { Principal } from './principal.js';

/** For how long another process may still accept a key that was revoked here. */
const FRESH_MS_MAX = 5_000;

/** From this age on a key is looked up again in the background, so that requests need not wait for the lookup. */
const FRESH_MS_AHEAD = 3_000;

/** While Postgres is unavailable, known keys work for as long as the quota states do. */
const STALE_MS_MAX = 15 * 60_000;

/** A Postgres that does not answer in this time counts as unavailable. */
const LOOKUP_MS_MAX = 2_000;

/** For so long after a lookup found Postgres unavailable, no request with a known key waits for the next lookup. */
const UNAVAILABLE_MS = FRESH_MS_MAX;

/** Bounds the cache; the oldest lookup is evicted first. */
const CACHED_KEYS_MAX = 10_000;

type Lookup = {
  readonly principal: Principal;
  readonly foundAtMs: number;
  /** Infinity for a key that does not expire. */
  readonly expiresAtMs: number;
  isFollowed: boolean;
};

@Injectable()
export class ApiKeys {
  private readonly deadlines = new Deadlines();
  /** Found keys by the hash of their secret. Unknown keys are never cached. */
  private readonly cache = new Map<string, Lookup>();
  /** Keys of the last seconds by the secret itself: hashing it for every request was a twentieth of a decision's time. */
  private readonly recent = new Map<string, Lookup>();
  private readonly lookups = new Map<string, Promise<Principal | null>>();
  private readonly outage: RecentOutage;
  /** Rises with every revocation, so that a lookup that began before a revocation is not cached after it. */
  private revocations = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    this.outage = new RecentOutage(clock, UNAVAILABLE_MS);
  }

  /** The principal of a secret that was seen a moment ago; null means: call `authenticate`. */
  known(secret: string): Principal | null {
    const lookup = this.recent.get(secret);
    const ageMs = lookup === undefined ? Infinity : this.ageMsOf(lookup);
    if (lookup === undefined || ageMs >= FRESH_MS_MAX) return null;
    if (ageMs > FRESH_MS_AHEAD && !lookup.isFollowed) void this.follow(secret, lookup).catch(() => {});
    return lookup.principal;
  }

  /** Looks up once per cached lookup, even if it fails: while Postgres is unavailable the next request notices. */
  private async follow(secret: string, lookup: Lookup): Promise<void> {
    lookup.isFollowed = true;
    await this.lookUpOnce(hashOf(secret));
    this.recent.delete(secret);
  }

  /** The principal with this secret, or null. */
  async authenticate(secret: string): Promise<Principal | null> {
    const hash = hashOf(secret);
    const cached = this.cache.get(hash);
    if (cached !== undefined && this.ageMsOf(cached) < FRESH_MS_MAX) {
      this.remember(secret, cached);
      return cached.principal;
    }
    return this.authenticateHash(hash);
  }

  /** The principal whose secret has this hash, or null. */
  async authenticateHash(hash: string): Promise<Principal | null> {
    const cached = this.cache.get(hash);
    if (cached !== undefined && this.ageMsOf(cached) < FRESH_MS_MAX) return cached.principal;
    const lookup = this.lookUpInTime(hash);
    if (cached !== undefined && this.outage.isRecent() && this.ageMsOf(cached) < STALE_MS_MAX) {
      void lookup.catch(() => {});
      return cached.principal;
    }
    try {
      return await lookup;
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (cached !== undefined && this.ageMsOf(cached) < STALE_MS_MAX) return cached.principal;
      throw new TallyError('overloaded', OVERLOADED_MESSAGE, {
        cause: error,
      });
    }
  }

  private async lookUpInTime(hash: string): Promise<Principal | null> {
    try {
      const found = await this.deadlines.within(LOOKUP_MS_MAX, this.lookUpOnce(hash));
      this.outage.end();
      return found;
    } catch (error) {
      if (isOutage(error)) this.outage.see();
      throw error;
    }
  }

  /** Discards the cache, so that a revocation counts at once in this process. */
  invalidate(): void {
    this.revocations += 1;
    this.cache.clear();
    this.recent.clear();
    this.lookups.clear();
  }

  /** A remembered key that has expired counts as too old, so it is looked up, and refused. */
  private ageMsOf({ foundAtMs, expiresAtMs }: Lookup): number {
    const nowMs = this.clock.now().getTime();
    return nowMs < expiresAtMs ? nowMs - foundAtMs : Infinity;
  }

  /** Secrets stay in memory no longer than they are used: each new one evicts those that have expired. */
  private remember(secret: string, lookup: Lookup): void {
    this.recent.delete(secret);
    this.recent.set(secret, lookup);
    for (const [oldest, { foundAtMs }] of this.recent) {
      const isSpent = foundAtMs + FRESH_MS_MAX <= this.clock.now().getTime();
      if (!isSpent && this.recent.size <= CACHED_KEYS_MAX) return;
      this.recent.delete(oldest);
    }
  }

  /** Requests that miss the cache at the same time share one statement. */
  private lookUpOnce(hash: string): Promise<Principal | null> {
    const running = this.lookups.get(hash);
    if (running !== undefined) return running;
    const lookup = this.lookUp(hash).finally(() => {
      if (this.lookups.get(hash) === lookup) this.lookups.delete(hash);
    });
    this.lookups.set(hash, lookup);
    return lookup;
  }

  private async lookUp(hash: string): Promise<Principal | null> {
    const foundAtMs = this.clock.now().getTime();
    const { revocations } = this;
    const row = await findKeyByHash(this.database.decisions.reader, hash);
    this.cache.delete(hash);
    if (row === null) return null;
    const expiresAtMs = row.expiresAt?.getTime() ?? Infinity;
    if (expiresAtMs <= foundAtMs) return null;
    const principal = { keyId: row.id, role: row.role, entity: row.entity, source: row.source };
    if (revocations !== this.revocations) return principal;
    this.cache.set(hash, { principal, foundAtMs, expiresAtMs, isFollowed: false });
    const [oldest] = this.cache.keys();
    if (this.cache.size > CACHED_KEYS_MAX && oldest !== undefined) this.cache.delete(oldest);
    return principal;
  }
}

export function newSecret(): string {
  return `sk-tally-${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 is enough, because a secret has 256 random bits and cannot be guessed. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
