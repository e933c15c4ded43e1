/** Chat completions: as one answer, or as a stream whose usage is known even when the caller hangs up in the middle. */
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { chatUsage, type CannedModel, type ChatChunk, type ChatRequest } from './canned-model.js';
import type { Metered, MeteredCall, Metering } from './metering.js';
import { serverError } from './openai-error.js';

interface ChatParts {
  readonly call: MeteredCall & { readonly inputTokens: number };
  readonly model: CannedModel;
  readonly metering: Metering;
  readonly reply: FastifyReply;
}

/** A caller that reads nothing for this long is treated as one that has hung up. */
const STALL_MS_MAX = 300_000;

export async function answerChat(chat: ChatRequest, parts: ChatParts) {
  const { call, model, metering, reply } = parts;
  if (chat.body.stream === true) {
    const gone = hangUp(reply);
    await metering.run(call, () => stream(chat, parts, gone));
    return reply;
  }
  // Runs to its end even if the caller hangs up, so that the model's own count is charged.
  return metering.run(call, async () => {
    const answer = await model.complete(chat);
    return { answer, usage: answer.usage, usageSource: 'reported' };
  });
}

/** Sends the status line with the first chunk, so that a model that cannot start is a plain 503 or 500. */
async function stream(
  chat: ChatRequest,
  { call, model, reply }: ChatParts,
  gone: AbortSignal,
): Promise<Metered<void>> {
  gone.throwIfAborted();
  const wantsUsage = chat.body.stream_options?.include_usage === true;
  let reported: ChatChunk['usage'] = null;
  let tokenCount = 0;
  try {
    for await (const chunk of model.stream(chat, gone)) {
      reported = chunk.usage ?? reported;
      if (chunk.choices[0]?.delta.content) tokenCount += 1;
      const shown = wantsUsage ? chunk : withoutUsage(chunk);
      if (shown !== null) await send(reply, JSON.stringify(shown), gone);
    }
    await send(reply, '[DONE]', gone);
    reply.raw.end();
  } catch (error) {
    if (!gone.aborted) throw failed(reply, error);
  }
  if (reported !== null) return { answer: undefined, usage: reported, usageSource: 'reported' };
  // The stream was cut before its usage chunk: charge the prompt as it was counted for the hold, and one token per chunk so far.
  return { answer: undefined, usage: chatUsage(call.inputTokens, tokenCount), usageSource: 'estimated' };
}

/** The gateway always asks the model for its usage. A caller that did not ask for it gets what OpenAI would send. */
function withoutUsage(chunk: ChatChunk) {
  const { id, object, created, model, choices } = chunk;
  return choices.length === 0 ? null : { id, object, created, model, choices };
}

async function send(reply: FastifyReply, data: string, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted();
  if (!reply.sent) open(reply);
  if (!reply.raw.write(`data: ${data}\n\n`)) await once(reply.raw, 'drain', { signal: gone });
}

function open(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-request-id': reply.request.id,
  });
  reply.raw.setTimeout(STALL_MS_MAX, () => reply.raw.destroy());
}

/** After the status line an error can only be sent inside the stream, where the official clients find it and raise it. */
function failed(reply: FastifyReply, error: unknown): unknown {
  if (reply.sent) reply.raw.end(`data: ${JSON.stringify(serverError().body)}\n\n`);
  return error;
}

function hangUp(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
