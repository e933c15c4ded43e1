/** What an event says, before it is wrapped into one of the shapes in which producers send it. */
import type { Random } from './random.js';

/** No price knows `extra`. */
export type Tier = 'default' | 'batch' | 'flex' | 'extra';

export type Facts = {
  readonly source: string;
  readonly id: string;
  readonly entity: string;
  readonly project: string;
  readonly atMs: number;
  readonly model: string;
  /** Disjoint: the prompt is input + cached + written. */
  readonly input: number;
  readonly cached: number;
  readonly written: number;
  /** With the reasoning. */
  readonly output: number;
  readonly reasoning: number;
  readonly searches: number;
  readonly tier: Tier;
  /** A count in a field that no usage shape knows. */
  readonly unknown: number;
  readonly reservationId: string | null;
  readonly userId: string | null;
};

/** `code` null is a valid event; its time may still be out of range when it arrives. */
export type Delivery =
  | { readonly body: unknown; readonly facts: Facts; readonly code: null }
  | { readonly body: unknown; readonly facts: null; readonly code: string };

export function keyOf({ source, id }: Pick<Facts, 'source' | 'id'>): string {
  return `${source} ${id}`;
}

/** The same facts in another shape are the same event. */
export function wrap(facts: Facts, random: Random): Delivery {
  const { source, id, entity, project, atMs, model, reservationId, userId } = facts;
  const body = {
    specversion: '1.0',
    type: 'ai.inference.usage.v1',
    source,
    id,
    subject: `${entity}/${project}`,
    time: timeText(atMs, random),
    data: {
      model,
      usage: usageOf(facts, random),
      ...(reservationId === null && random.chance(0.5) ? {} : { reservation_id: reservationId }),
      ...(facts.tier !== 'default' && { service_tier: facts.tier }),
      ...(userId === null && random.chance(0.5) ? {} : { user_id: userId }),
      // Tally ignores the cost that a producer states.
      ...(random.chance(0.1) ? { cost_usd: '999' } : {}),
    },
  };
  return { body, facts, code: null };
}

function timeText(ms: number, random: Random): string {
  const text = new Date(ms).toISOString();
  if (random.chance(0.8)) return text;
  const shifted = new Date(ms + 5.5 * 3_600_000).toISOString();
  return shifted.replace('Z', '+05:30');
}

function usageOf(facts: Facts, random: Random): object {
  const { input, cached, written, output, reasoning, searches, unknown } = facts;
  // Unread usage is kept as it was sent: in another shape it would be another content.
  if (unknown > 0) return { ...anthropicOf(facts), mystery_tokens: unknown };
  if (searches > 0 || random.chance(0.1)) return anthropicOf(facts);
  const prompt = input + cached + written;
  const details = {
    cached:
      cached + written === 0 && random.chance(0.5)
        ? null
        : { cached_tokens: cached, ...(written > 0 && { cache_write_tokens: written }) },
    reasoning: reasoning === 0 && random.chance(0.5) ? null : { reasoning_tokens: reasoning },
  };
  if (random.chance(0.7)) {
    return {
      prompt_tokens: prompt,
      completion_tokens: output,
      total_tokens: prompt + output,
      prompt_tokens_details: details.cached,
      completion_tokens_details: details.reasoning,
    };
  }
  return {
    input_tokens: prompt,
    output_tokens: output,
    total_tokens: prompt + output,
    input_tokens_details: details.cached,
    output_tokens_details: details.reasoning,
  };
}

/** Anthropic counts what is read from a cache and written to it apart from the input. */
function anthropicOf({ input, cached, written, output, reasoning, searches }: Facts): object {
  return {
    input_tokens: input,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: written,
    output_tokens: output,
    output_tokens_details: { thinking_tokens: reasoning },
    server_tool_use: { web_search_requests: searches },
  };
}

/** An event that cannot be counted, and why. */
export function spoil(facts: Facts, random: Random): Delivery {
  const good = wrap(facts, random).body as Record<string, unknown>;
  const data = good['data'] as Record<string, unknown>;
  const usage = (counts: object) => ({ ...good, data: { ...data, usage: counts } });
  const [code, body] = random.pick<readonly [string, unknown]>([
    ['invalid_tokens', usage({ prompt_tokens: -1 })],
    ['invalid_tokens', usage({ prompt_tokens: 1.5, completion_tokens: 1 })],
    ['invalid_tokens', usage({ prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } })],
    ['invalid_tokens', usage({ total_tokens: 7 })],
    ['invalid_event', { ...good, specversion: '0.3' }],
    ['invalid_event', { ...good, data: { ...data, model: 'nul\u0000' } }],
    ['invalid_event', { ...good, time: 'yesterday' }],
    ['invalid_event', [facts.id]],
    ['unknown_type', { ...good, type: 'something.else' }],
    ['invalid_subject', { ...good, subject: `${facts.entity}/a b` }],
    ['invalid_subject', { ...good, subject: facts.entity }],
  ]);
  return { body, facts: null, code };
}
