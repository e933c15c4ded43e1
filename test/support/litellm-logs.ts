/** LiteLLM's logs: recorded ones, and what is like them. */
import { readFileSync } from 'node:fs';

type Log = Record<string, unknown> & { metadata: Record<string, unknown> };

const RECORDED = JSON.parse(
  readFileSync(new URL('../data/integrations/payloads.json', import.meta.url), 'utf8'),
) as Record<string, Log>;

/** A recorded payload by its name, to be changed at will. */
export function recorded(name: string): Log {
  const log = RECORDED[name];
  if (log === undefined) throw new Error(`no payload ${name} was recorded`);
  return structuredClone(log);
}

/** With the conversation that LiteLLM logs beside it, about 14 KB. */
export function withConversation(log: Log, secret = 'The quick brown fox'): Log {
  const content = `${secret} {"}]\\" `.repeat(Math.ceil(6_000 / secret.length));
  const response = {
    ...(log['response'] as object),
    choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }],
  };
  return {
    messages: [{ role: 'user', content }],
    ...log,
    response,
    model_parameters: { user: content.slice(0, 99) },
  };
}

/** Six requests that somebody pays for, and two that nobody does. */
export function litellmBatch(): Log[] {
  const chat = recorded('chat');
  const chosen = { litellm_call_id: 'chosen-by-the-caller' };
  return [
    chat,
    recorded('hung_up'),
    recorded('cache_hit'),
    recorded('responses'),
    recorded('embeddings'),
    // A caller may choose one id for all of its calls, and a server may repeat its own.
    { ...chat, ...chosen, id: 'chatcmpl-1', startTime: 1_795_855_921.1, endTime: 1_795_855_921.2 },
    { ...chat, ...chosen, id: 'chatcmpl-1', startTime: 1_795_855_922.1, endTime: 1_795_855_922.2 },
    { ...chat, id: 'chatcmpl-2', status: 'failure', response: {}, error_information: { error_code: '500' } },
  ].map((log) => withConversation(log));
}
