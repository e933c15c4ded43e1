/** Where servers put their counts and their text: OpenAI's chat, completions and responses, Anthropic's messages, and those of their kind. */

export type Fields = Readonly<Record<string, unknown>>;

/** Names under which a plain answer may have its usage, the usual one first. */
export const USAGE_MEMBERS = [
  'usage',
  'usageMetadata',
  'usage_metadata',
  'timings',
  'meta_info',
  'stats',
  'usage_info',
  'meta',
  'details',
] as const;

/** Ollama's own counts stand in the answer itself. */
export const OLLAMA_MEMBERS = ['prompt_eval_count', 'eval_count'] as const;

/** Names of counts in all shapes that Tally reads. Times and versions are no counts. */
const COUNT =
  /token|_count$|Count$|_n$|^seconds$|units|pages_processed|^characters$|^images$|^classifications$|searches|queries/i;

/** The usage of an answer as the server sent it; null where it has none above 0. */
export function countsOf(answer: Fields): object | null {
  for (const name of USAGE_MEMBERS) {
    const usage = answer[name];
    if (typeof usage === 'object' && usage !== null && hasCount(usage as Fields)) return usage;
  }
  const own = OLLAMA_MEMBERS.filter((name) => typeof answer[name] === 'number');
  return own.length === 0 ? null : Object.fromEntries(own.map((name) => [name, answer[name]]));
}

/** Servers that do not count send zeros. Counts may stand one level down, such as in Cohere's `billed_units`. */
function hasCount(fields: Fields, isTop = true): boolean {
  return Object.entries(fields).some(([name, value]) => {
    if (typeof value === 'number') return value > 0 && COUNT.test(name);
    return isTop && typeof value === 'object' && value !== null && hasCount(value as Fields, false);
  });
}

/** How many bytes of text the model wrote in this answer or chunk, calls of tools and thoughts included. */
export function textBytesOf(answer: Fields): number {
  const { type, delta, choices, content, output, content_block: block } = answer;
  // A stream repeats at its end what it has sent in pieces.
  if (typeof type === 'string' && /\.(done|completed|added)$/.test(type)) return 0;
  let bytes = bytesOf(choices);
  if (typeof delta === 'string') bytes += Buffer.byteLength(delta);
  else bytes += bytesOf(delta);
  bytes += bytesOf(content) + bytesOf(output) + bytesOf(block);
  if (typeof answer['text'] === 'string') bytes += Buffer.byteLength(answer['text']);
  return bytes;
}

const TEXTS = new Set([
  'content',
  'text',
  'reasoning_content',
  'reasoning',
  'thinking',
  'refusal',
  'name',
  'arguments',
  'partial_json',
]);
const PARTS = [
  'message',
  'delta',
  'content',
  'tool_calls',
  'function',
  'function_call',
  'summary',
  'input',
] as const;
const DEPTH_MAX = 8;

function bytesOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return 0;
  if (Array.isArray(value))
    return value.reduce((sum: number, item: unknown) => sum + bytesOf(item, depth + 1), 0);
  const fields = value as Fields;
  let sum = 0;
  for (const name in fields) {
    const field = fields[name];
    if (typeof field === 'string' && TEXTS.has(name)) sum += Buffer.byteLength(field);
  }
  for (const part of PARTS) sum += bytesOf(fields[part], depth + 1);
  return sum;
}
