/**
 * Limits bad keys, and cookies of no session, by the address that they come from, counts them, and logs who sends them.
 *
 * An address is not a caller: behind one NAT, and behind a proxy in front of Tally, a good key and its neighbour's bad ones share it. So
 * an address that is over its limit loses only what a bad key costs, the query that finds out that it is bad. A secret that may belong to
 * a key, by the hashes that are in memory (existing-keys.ts), goes on as ever. For the same reason the address is the connection's own:
 * nobody gets round the limit with a header, and nobody is refused for what a header says.
 */
import { isIPv6 } from 'node:net';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { TallyError } from '../domain/errors.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { ExistingKeys } from './existing-keys.js';

/** So many bad keys of an address are looked up in a window. */
export const BAD_KEYS_MAX = 20;
export const WINDOW_SECONDS = 10;

/** Bounds the memory: above it the address that was first bad is forgotten. */
export const ADDRESSES_MAX = 10_000;

/** Bounds the log of a window; the rest is summed up in a last line. */
const LINES_MAX = 100;

const OTHERS = 'other addresses';

type Bad = { readonly count: number; readonly limited: number };

@Injectable()
export class BadKeys implements OnModuleDestroy {
  private readonly limiter = new RateLimiterMemory({ points: BAD_KEYS_MAX, duration: WINDOW_SECONDS });
  /** Since the last lines were written. */
  private readonly seen = new Map<string, Bad>();
  private readonly tracked = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly existing: ExistingKeys,
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  onModuleDestroy(): void {
    this.report();
  }

  /**
   * What `find` finds for a secret with this hash (null: what was sent is no secret at all). Throws where the address is over its limit
   * and no key has that hash. The attempt counts before it is made, so that a thousand at once are not a thousand queries.
   */
  async lookUp<T>(source: string, hash: string | null, find: () => Promise<T | null>): Promise<T | null> {
    const address = networkOf(source);
    await this.enter(address, hash);
    let isBad = false;
    try {
      const found = await find();
      isBad = found === null;
      return found;
    } finally {
      if (isBad) this.note(address, 'refused');
      else await this.limiter.reward(address, 1);
    }
  }

  private async enter(address: string, hash: string | null): Promise<void> {
    this.track(address);
    const over = await this.limiter.consume(address).then(() => null, overOf);
    if (over === null || (hash !== null && (await this.mayExist(hash)))) return;
    this.note(address, 'limited');
    throw new TallyError('rate_limit_exceeded', 'Rate limit reached for requests', {
      retryAfterSeconds: Math.max(1, Math.ceil(over.msBeforeNext / 1_000)),
    });
  }

  /** The error of a request without a key: it costs nothing, so it is counted and not limited. */
  missing(): TallyError {
    this.metrics.badKeys.inc({ outcome: 'missing' });
    return unauthenticated();
  }

  /** Writes a line for each address that sent bad keys since the last time. */
  report(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const all = [...this.seen];
    this.seen.clear();
    for (const [address, bad] of all.slice(0, LINES_MAX))
      this.logger.warn('bad API keys', fieldsOf(address, bad));
    const rest = all.slice(LINES_MAX);
    if (rest.length === 0) return;
    const sum = (field: keyof Bad) => rest.reduce((total, [, bad]) => total + bad[field], 0);
    this.logger.warn('bad API keys', fieldsOf(OTHERS, { count: sum('count'), limited: sum('limited') }));
  }

  /** A process that cannot tell refuses nobody here: the lookup that follows says what is wrong. */
  private async mayExist(hash: string): Promise<boolean> {
    return this.existing.mayHold(hash).catch(() => true);
  }

  private note(address: string, outcome: 'refused' | 'limited'): void {
    this.metrics.badKeys.inc({ outcome });
    this.timer ??= setTimeout(() => this.report(), WINDOW_SECONDS * 1_000).unref();
    const name = this.seen.size < ADDRESSES_MAX || this.seen.has(address) ? address : OTHERS;
    const { count = 0, limited = 0 } = this.seen.get(name) ?? {};
    this.seen.set(name, { count: count + 1, limited: limited + Number(outcome === 'limited') });
  }

  private track(address: string): void {
    this.tracked.delete(address);
    this.tracked.add(address);
    const [oldest] = this.tracked;
    if (this.tracked.size <= ADDRESSES_MAX || oldest === undefined) return;
    this.tracked.delete(oldest);
    void this.limiter.delete(oldest);
  }
}

export function unauthenticated(): TallyError {
  return new TallyError('invalid_api_key', 'Invalid Authentication');
}

function fieldsOf(address: string, { count, limited }: Bad) {
  return { address, count, limited, window_seconds: WINDOW_SECONDS };
}

/** The library rejects with the state of a key that is over its limit. */
function overOf(thrown: unknown): RateLimiterRes {
  if (thrown instanceof RateLimiterRes) return thrown;
  throw thrown;
}

/** One customer of a provider has a whole /64 of IPv6; what is IPv4 in IPv6's clothes is IPv4. */
export function networkOf(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('%', 1)[0]!.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Array<string>(8 - before.length - after.length).fill('0') : [];
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
