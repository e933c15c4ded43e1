/**
 * People who are signed in to a page: a cookie stands for an API key, for 12 hours at most and only while the key is valid. Redis keeps
 * the sessions; when it loses them, people sign in again.
 */
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { keyPrefixOf } from '@tally/client/protocol';
import { askRedis } from '../platform/redis-errors.js';
import type { RedisNodes } from '../platform/redis-nodes.js';
import { QUOTA_REDIS } from '../platform/redis.js';
import { ApiKeys, hashOf } from './api-keys.js';
import { BadKeys, unauthenticated } from './bad-keys.js';
import type { Principal } from './principal.js';

const SESSION_COOKIE = 'tally_session';
export const SESSION_SECONDS = 12 * 3_600;

/** Places for the sessions of one key, bounded because Redis evicts nothing. A new session takes a free one. Where none is, it takes any, and ends the one that had it. */
const SESSIONS_OF_KEY_MAX = 16;

/** Bounds the memory: above it the token that was found longest ago is forgotten, and is looked up like one that nobody knows. */
const FOUND_MAX = 10_000;

/** The key's id, which of its sessions it is, and the secret. */
const TOKEN = /^([A-Za-z0-9_-]{1,64})\.(\d{1,2})\.([A-Za-z0-9_-]{43})$/;

type Stored = { readonly secretHash: string; readonly keyHash: string; readonly csrfToken: string };

export type Session = { readonly principal: Principal; readonly csrfToken: string };

@Injectable()
export class Sessions {
  /** Digests of tokens that had a session when this process last looked, the latest at the end. */
  private readonly found = new Set<string>();

  constructor(
    private readonly keys: ApiKeys,
    private readonly badKeys: BadKeys,
    @Inject(QUOTA_REDIS) private readonly redis: RedisNodes,
  ) {}

  /** Throws for a key that is not valid. */
  async open(apiKey: string, address: string): Promise<Session & { readonly token: string }> {
    const keyHash = hashOf(apiKey);
    const principal = await this.badKeys.lookUp(address, keyHash, () => this.keys.authenticate(apiKey));
    if (principal === null) throw unauthenticated();
    const [secret, csrfToken] = [newToken(), newToken()];
    const stored: Stored = { secretHash: digestOf(secret).toString('base64url'), keyHash, csrfToken };
    const place = await this.take(principal.keyId, JSON.stringify(stored));
    const token = `${place}.${secret}`;
    this.remember(token, true);
    return { principal, csrfToken, token };
  }

  /** Stores a session in a place, which it returns. Sign-ins at the same time find different places free. */
  private async take(keyId: string, session: string): Promise<string> {
    const { client } = this.redis;
    for (let n = 0; n < SESSIONS_OF_KEY_MAX; n += 1) {
      const place = `${keyId}.${n}`;
      const key = this.keyOf(place);
      if ((await askRedis(client.set(key, session, 'EX', SESSION_SECONDS, 'NX'))) === 'OK') return place;
    }
    const place = `${keyId}.${randomInt(SESSIONS_OF_KEY_MAX)}`;
    await askRedis(client.set(this.keyOf(place), session, 'EX', SESSION_SECONDS));
    return place;
  }

  /**
   * Null where the cookies name no session, or one that has ended. Cookies that this process has not found a session for count as bad keys
   * of the address, and are limited with them.
   */
  async findFor(cookies: string | undefined, address: string): Promise<Session | null> {
    const token = tokenIn(cookies);
    if (token === null) return null;
    const find = (): Promise<Session | null> => this.find(token);
    // A session that is known goes on behind an address from which others are made up.
    const session = this.found.has(hashOf(token))
      ? await find()
      : await this.badKeys.lookUp(address, null, find);
    this.remember(token, session !== null);
    return session;
  }

  private remember(token: string, isFound: boolean): void {
    this.found.delete(hashOf(token));
    if (isFound) this.found.add(hashOf(token));
    const [oldest] = this.found;
    if (this.found.size > FOUND_MAX && oldest !== undefined) this.found.delete(oldest);
  }

  private async find(token: string): Promise<Session | null> {
    const [, keyId, place, secret] = TOKEN.exec(token) ?? [];
    if (keyId === undefined || place === undefined || secret === undefined) return null;
    const text = await askRedis(this.redis.client.get(this.keyOf(`${keyId}.${place}`)));
    if (text === null) return null;
    const { secretHash, keyHash, csrfToken } = JSON.parse(text) as Stored;
    if (!timingSafeEqual(Buffer.from(secretHash, 'base64url'), digestOf(secret))) return null;
    const principal = await this.keys.authenticateHash(keyHash);
    return principal === null ? null : { principal, csrfToken };
  }

  /** Ends a session that `findFor` has returned. */
  async end(cookies: string | undefined): Promise<void> {
    const [, keyId, place] = TOKEN.exec(tokenIn(cookies) ?? '') ?? [];
    await askRedis(this.redis.client.del(this.keyOf(`${keyId}.${place}`)));
  }

  private keyOf(place: string): string {
    return `${keyPrefixOf(this.redis.names.prefix)}tally:session:${place}`;
  }
}

/** The `Set-Cookie` header. `Secure` where the page came over TLS. */
export function sessionCookie(
  token: string,
  { isSecure, seconds }: { isSecure: boolean; seconds: number },
): string {
  const secure = isSecure ? '; Secure' : '';
  return `${SESSION_COOKIE}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** The session's token among the cookies of a request, or null. */
export function tokenIn(cookies: string | undefined): string | null {
  const pairs = (cookies ?? '').split(';').map((pair) => pair.trim());
  return (
    pairs.find((pair) => pair.startsWith(`${SESSION_COOKIE}=`))?.slice(SESSION_COOKIE.length + 1) ?? null
  );
}

function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
