/**
 * How much of a prompt a model server may have had in its cache. The trace says what each request's prompt and answer counted, and when,
 * but not which requests are of one conversation, and not what was cached. Both are assumed here, by the trace's own numbers.
 */
export type TracedRequest = {
  readonly time: Date;
  readonly promptTokens: number;
  readonly completionTokens: number;
};

/** How long a server keeps a prompt. */
const KEPT_MS = 10 * 60_000;
/** The longest message that goes on with a conversation. */
const MESSAGE_TOKENS_MAX = 200;
/** Servers keep prompts in blocks of so many tokens, as vLLM does. */
const BLOCK_TOKENS = 16;

/**
 * The cached tokens of each request's prompt. A request goes on with an earlier one of the same `placeOf` if its prompt is
 * that prompt, its answer and one more message long. Then the earlier prompt comes from the cache, in whole blocks. Nothing is
 * gone on with twice.
 */
export function cachedTokens(trace: readonly TracedRequest[], placeOf: (index: number) => string): number[] {
  const openByPlace = new Map<string, TracedRequest[]>();
  return trace.map((request, index) => {
    const place = placeOf(index);
    const open = openByPlace.get(place) ?? [];
    openByPlace.set(place, open);
    const earlier = open.findLastIndex((candidate) => goesOnWith(request, candidate));
    const [before] = earlier < 0 ? [] : open.splice(earlier, 1);
    open.push(request);
    return before === undefined ? 0 : before.promptTokens - (before.promptTokens % BLOCK_TOKENS);
  });
}

function goesOnWith(request: TracedRequest, before: TracedRequest): boolean {
  const message = request.promptTokens - before.promptTokens - before.completionTokens;
  const isKept = request.time.getTime() - before.time.getTime() <= KEPT_MS;
  return isKept && message > 0 && message <= MESSAGE_TOKENS_MAX;
}
