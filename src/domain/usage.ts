/** What one request used: token counts, read from the shapes that model servers return, and the identity of the event that reports them. */
import { createHash } from 'node:crypto';
import { TOKENS_MAX } from '@tally/client/protocol';
import { formatSubject, type EntityName, type ProjectName } from './ids.js';

/** Disjoint token classes. Reasoning tokens are part of the output and are kept for reports only. */
export type TokenCounts = {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
};

export type UsageEvent = {
  readonly source: string;
  readonly id: string;
  readonly entity: EntityName;
  readonly project: ProjectName;
  readonly occurredAt: Date;
  readonly model: string;
  readonly operation: string;
  readonly tokens: TokenCounts;
  readonly usageSource: 'reported' | 'estimated';
  readonly reservationId: string | null;
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly requestId: string | null;
  readonly tags: Readonly<Record<string, string>> | null;
};

export type TokenReading = { ok: true; tokens: TokenCounts } | { ok: false; field: string; message: string };

/**
 * Reads the chat-completions shape, the embeddings shape or the Responses shape of OpenAI's `usage` object. Cached tokens
 * are a subset of the prompt and reasoning tokens of the completion: never added.
 */
export function readTokens(usage: Readonly<Record<string, unknown>>): TokenReading {
  try {
    const prompt = readEither(usage, 'prompt_tokens', 'input_tokens');
    const completion = readEither(usage, 'completion_tokens', 'output_tokens');
    if (prompt === null && completion === null) {
      throw new Refusal('', 'must have prompt_tokens or input_tokens, completion_tokens or output_tokens');
    }
    const cached = readDetail(usage, ['prompt_tokens_details', 'input_tokens_details'], 'cached_tokens');
    const reasoning = readDetail(
      usage,
      ['completion_tokens_details', 'output_tokens_details'],
      'reasoning_tokens',
    );
    if (cached > (prompt ?? 0)) throw new Refusal('', 'must not have more cached_tokens than prompt tokens');
    if (reasoning > (completion ?? 0)) {
      throw new Refusal('', 'must not have more reasoning_tokens than completion tokens');
    }
    const tokens = {
      inputTokens: (prompt ?? 0) - cached,
      cachedInputTokens: cached,
      outputTokens: completion ?? 0,
      reasoningTokens: reasoning,
    };
    return { ok: true, tokens };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, field: error.field, message: error.message };
    throw error;
  }
}

class Refusal extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

/** Both spellings may be present when a server copies one into the other; two different numbers are refused. */
function readEither(usage: Readonly<Record<string, unknown>>, first: string, second: string): number | null {
  const a = readCount(usage[first], first);
  const b = readCount(usage[second], second);
  if (a !== null && b !== null && a !== b)
    throw new Refusal(second, `must equal ${first} where both are given`);
  return a ?? b;
}

function readDetail(
  usage: Readonly<Record<string, unknown>>,
  groups: readonly string[],
  name: string,
): number {
  let found: number | null = null;
  for (const group of groups) {
    const details = usage[group];
    if (details === undefined || details === null) continue;
    if (typeof details !== 'object' || Array.isArray(details)) throw new Refusal(group, 'must be an object');
    const count = readCount((details as Record<string, unknown>)[name], `${group}.${name}`);
    if (found !== null && count !== null && found !== count)
      throw new Refusal(group, 'must agree in both spellings');
    found = count ?? found;
  }
  return found ?? 0;
}

function readCount(value: unknown, field: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > TOKENS_MAX) {
    throw new Refusal(field, `must be an integer from 0 to ${TOKENS_MAX}`);
  }
  return value;
}

/** The key of an event: the first 128 bits of SHA-256 over source and id, as a UUID. Time is no part of it. */
export function identityOf(event: { source: string; id: string }): string {
  const hex = createHash('sha256').update(`${event.source}\0${event.id}`).digest('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 128 bits over everything that the event says: two events with the same identity and different fingerprints are a conflict. */
export function fingerprintOf(event: UsageEvent): string {
  const { tokens } = event;
  const content = [
    formatSubject(event),
    event.occurredAt.toISOString(),
    event.model,
    event.operation,
    tokens.inputTokens,
    tokens.cachedInputTokens,
    tokens.outputTokens,
    tokens.reasoningTokens,
    event.usageSource,
    event.reservationId,
    event.apiKeyId,
    event.userId,
    event.requestId,
    event.tags === null ? null : Object.entries(event.tags).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
}
