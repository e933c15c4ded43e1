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

interface Verdict {
  /** Null for a key that is not valid. */
  readonly entity: string | null;
  readonly freshUntilMs: number;
  /** Until then it is used while the service cannot be asked. */
  readonly staleUntilMs: number;
}

const ACTIVE_MS = 60_000;
const INACTIVE_MS = 10_000;
const STALE_MS = 600_000;
const VERDICTS_MAX = 10_000;
const ASKING_MAX = 256;
const ANSWER_MS_MAX = 3_000;
const ANSWER_BYTES_MAX = 65_536;

export class KeyIntrospection {
  private readonly options: IntrospectionOptions;
  /** By the key's hash, the one that was asked for longest ago first. */
  private readonly verdicts = new Map<string, Verdict>();
  private readonly asking = new Map<string, Promise<Verdict>>();

  constructor(options: IntrospectionOptions) {
    this.options = options;
  }

  /** Null for a key that is not valid. Throws an OpenAiError (503) where nobody can say. */
  async entityOf(key: string): Promise<string | null> {
    const hash = createHash('sha256').update(key).digest('base64');
    const known = this.verdicts.get(hash);
    const nowMs = this.options.now().getTime();
    if (known !== undefined && nowMs < known.freshUntilMs) return known.entity;
    try {
      const verdict = await this.askOnce(hash, key);
      this.remember(hash, verdict);
      return verdict.entity;
    } catch (error) {
      this.options.logger.error({ err: error }, 'GATEWAY_KEYS_URL cannot be asked');
      if (known !== undefined && known.entity !== null && nowMs < known.staleUntilMs) return known.entity;
      throw overloaded();
    }
  }

  /** Requests of the same moment with the same key ask once. */
  private async askOnce(hash: string, key: string): Promise<Verdict> {
    const running = this.asking.get(hash);
    if (running !== undefined) return running;
    if (this.asking.size >= ASKING_MAX) throw new Error(`${ASKING_MAX} keys are being asked for already`);
    const asked = this.ask(key).finally(() => this.asking.delete(hash));
    this.asking.set(hash, asked);
    return asked;
  }

  private async ask(token: string): Promise<Verdict> {
    const { url, key, now } = this.options;
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
    return this.verdictOf(JSON.parse(answer), now().getTime());
  }

  /** `exp` is in seconds since 1970. The entity is in `entity`, or else the `sub` of the token. */
  private verdictOf(answer: unknown, nowMs: number): Verdict {
    if (typeof answer !== 'object' || answer === null || !('active' in answer))
      throw new Error('its answer has no "active"');
    const { active, exp, entity, sub } = answer as Record<string, unknown>;
    const expiresMs = typeof exp === 'number' ? exp * 1000 : Infinity;
    const invalid = { entity: null, freshUntilMs: nowMs + INACTIVE_MS, staleUntilMs: 0 };
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
    this.verdicts.delete(hash);
    this.verdicts.set(hash, verdict);
    const [oldest] = this.verdicts.keys();
    if (this.verdicts.size > VERDICTS_MAX && oldest !== undefined) this.verdicts.delete(oldest);
  }
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
