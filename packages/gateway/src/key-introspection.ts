/** Asks the operator's own service whether a caller's key is valid, by OAuth's token introspection: https://www.rfc-editor.org/rfc/rfc7662 */
import { createHash } from 'node:crypto';
import { NAME_PATTERN } from '@tally/client/protocol';
import type { Logger } from 'pino';
import { request } from 'undici';
import { overloaded } from './openai-error.js';

export interface IntrospectionOptions {
  readonly url: string;
  /** The gateway's own key at that service. */
  readonly key: string | undefined;
  readonly logger: Logger;
  readonly now: () => Date;
}

interface Grant {
  readonly entity: string;
  readonly freshUntilMs: number;
  /** Until then it is used while the service cannot be asked. */
  readonly staleUntilMs: number;
}

interface Refusal {
  readonly entity: null;
  readonly freshUntilMs: number;
}

type Verdict = Grant | Refusal;

const ACTIVE_MS = 60_000;
const INACTIVE_MS = 10_000;
const STALE_MS = 600_000;
/** After a failure, for this long, stale verdicts are used without asking: a service that hangs costs one request its time, not all. */
const FAILURE_MS = 5_000;
const LOG_MS = 60_000;
/** Of the keys that were valid, and again of those that were refused. */
const VERDICTS_MAX = 10_000;
const ASKING_MAX = 256;
/** Of these, for keys that were not valid before: made-up keys leave room for the others. */
const ASKING_UNKNOWN_MAX = 192;
const ANSWER_MS_MAX = 3_000;
const ANSWER_BYTES_MAX = 65_536;

export class KeyIntrospection {
  private readonly options: IntrospectionOptions;
  /** By the key's hash, the one that was asked for longest ago first. */
  private readonly valid = new Map<string, Grant>();
  /** Kept apart, so that made-up keys push out no valid one. */
  private readonly refused = new Map<string, Refusal>();
  private readonly asking = new Map<string, Promise<Verdict>>();
  /** 0 while the service answers. */
  private failingUntilMs = 0;
  private loggedMs = -Infinity;
  private failureCount = 0;

  constructor(options: IntrospectionOptions) {
    this.options = options;
  }

  /** Null for a key that is not valid. Throws an OpenAiError (503) where nobody can say. */
  async entityOf(key: string): Promise<string | null> {
    const hash = createHash('sha256').update(key).digest('base64');
    const nowMs = this.nowMs();
    const known = this.valid.get(hash) ?? this.refused.get(hash);
    if (known !== undefined && nowMs < known.freshUntilMs) return known.entity;
    const grant = this.valid.get(hash);
    const stale = grant !== undefined && nowMs < grant.staleUntilMs ? grant : null;
    if (stale !== null && nowMs < this.failingUntilMs) return stale.entity;
    // While the service fails, this request alone tries it again.
    if (stale !== null && this.failingUntilMs > 0) this.failingUntilMs = nowMs + FAILURE_MS;
    try {
      return (await this.askOnce(hash, key)).entity;
    } catch (error) {
      this.logFailure(error);
      if (stale !== null) return stale.entity;
      throw overloaded();
    }
  }

  /** Requests of the same moment with the same key ask once. */
  private async askOnce(hash: string, key: string): Promise<Verdict> {
    const running = this.asking.get(hash);
    if (running !== undefined) return running;
    const askingMax = this.valid.has(hash) ? ASKING_MAX : ASKING_UNKNOWN_MAX;
    if (this.asking.size >= askingMax)
      throw new Error(`${this.asking.size} keys are being asked for already`);
    const asked = this.askAndRemember(hash, key).finally(() => this.asking.delete(hash));
    this.asking.set(hash, asked);
    return asked;
  }

  private async askAndRemember(hash: string, key: string): Promise<Verdict> {
    try {
      const verdict = await this.ask(key);
      this.failingUntilMs = 0;
      this.remember(hash, verdict);
      return verdict;
    } catch (error) {
      this.failingUntilMs = this.nowMs() + FAILURE_MS;
      throw error;
    }
  }

  /** The first of a minute, with how many there were since the line before. */
  private logFailure(error: unknown): void {
    this.failureCount += 1;
    const nowMs = this.nowMs();
    if (nowMs - this.loggedMs < LOG_MS) return;
    this.options.logger.error(
      { err: error, failures: this.failureCount },
      'GATEWAY_KEYS_URL cannot be asked',
    );
    this.loggedMs = nowMs;
    this.failureCount = 0;
  }

  private nowMs(): number {
    return this.options.now().getTime();
  }

  private async ask(token: string): Promise<Verdict> {
    const { url, key } = this.options;
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const answer = await bounded(body);
    if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
    return this.verdictOf(JSON.parse(answer), this.nowMs());
  }

  /** `exp` is in seconds since 1970. The entity is in `entity`, or else the `sub` of the token. */
  private verdictOf(answer: unknown, nowMs: number): Verdict {
    if (typeof answer !== 'object' || answer === null || !('active' in answer))
      throw new Error('its answer has no "active"');
    const { active, exp, entity, sub } = answer as Record<string, unknown>;
    const expiresMs = typeof exp === 'number' ? exp * 1000 : Infinity;
    const invalid = { entity: null, freshUntilMs: nowMs + INACTIVE_MS };
    if (active !== true || expiresMs <= nowMs) return invalid;
    const name = entity ?? sub;
    if (typeof name !== 'string' || !NAME_PATTERN.test(name)) {
      this.options.logger.error('GATEWAY_KEYS_URL calls a key active, but names no entity of it');
      return invalid;
    }
    return {
      entity: name,
      freshUntilMs: Math.min(nowMs + ACTIVE_MS, expiresMs),
      staleUntilMs: Math.min(nowMs + STALE_MS, expiresMs),
    };
  }

  private remember(hash: string, verdict: Verdict): void {
    this.valid.delete(hash);
    this.refused.delete(hash);
    if (verdict.entity === null) put(this.refused, hash, verdict);
    else put(this.valid, hash, verdict);
  }
}

function put<T>(verdicts: Map<string, T>, hash: string, verdict: T): void {
  verdicts.set(hash, verdict);
  const [oldest] = verdicts.keys();
  if (verdicts.size > VERDICTS_MAX && oldest !== undefined) verdicts.delete(oldest);
}

async function bounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`its answer has more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
