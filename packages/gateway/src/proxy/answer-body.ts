/** Reads an answer's bytes on their way to the caller: a stream of events, or one JSON object. Any other answer has no usage to read. */
import type { IncomingHttpHeaders } from 'node:http';
import { OLLAMA_MEMBERS, USAGE_MEMBERS, type Fields } from './answer-fields.js';
import { AnswerReader } from './answer-reading.js';
import { JsonMembers } from './json-members.js';
import { headerText } from './passed-headers.js';
import { SseEvents, type SseEvent } from './sse-events.js';

export interface AnswerBody {
  readonly kind: 'stream' | 'json' | 'other';
  readonly answer: AnswerReader;
  /** Of the list `data`, such as the pictures that were made. */
  readonly itemCount: number;
  /** What the caller gets of these bytes. */
  push(bytes: Buffer): Buffer;
  /** What the caller still gets when the server has ended. */
  end(): Buffer;
}

/** Encodings that the gateway can read. Servers are asked for no others. */
const READABLE = new Set(['', 'identity', 'gzip', 'x-gzip', 'deflate', 'br']);

const NOTHING = Buffer.alloc(0);

export function answerBodyOf(
  headers: IncomingHttpHeaders,
  { hidesUsage }: { hidesUsage: boolean },
): AnswerBody {
  const type = headerText(headers, 'content-type').toLowerCase();
  if (!READABLE.has(headerText(headers, 'content-encoding').toLowerCase())) return new OtherAnswer();
  if (type.startsWith('text/event-stream')) return hidesUsage ? new FilteredStream() : new ReadStream();
  if (/^application\/([\w.-]+\+)?json\b/.test(type)) return new JsonAnswer();
  return new OtherAnswer();
}

class OtherAnswer implements AnswerBody {
  readonly kind = 'other';
  readonly answer = new AnswerReader();
  readonly itemCount = 0;

  push(bytes: Buffer): Buffer {
    return bytes;
  }

  end(): Buffer {
    return NOTHING;
  }
}

/** Passes bytes on as they come, whole events or not. */
class ReadStream implements AnswerBody {
  readonly kind = 'stream';
  readonly answer = new AnswerReader();
  readonly itemCount = 0;
  private readonly events = new SseEvents();

  push(bytes: Buffer): Buffer {
    for (const event of this.events.push(bytes)) takeEvent(this.answer, event);
    return bytes;
  }

  end(): Buffer {
    for (const event of this.events.end()) takeEvent(this.answer, event);
    return NOTHING;
  }
}

/** Passes whole events on, without the chunk that has the usage alone. */
class FilteredStream implements AnswerBody {
  readonly kind = 'stream';
  readonly answer = new AnswerReader();
  readonly itemCount = 0;
  private readonly events = new SseEvents();

  push(bytes: Buffer): Buffer {
    return this.shown(this.events.push(bytes));
  }

  end(): Buffer {
    return this.shown(this.events.end());
  }

  private shown(events: SseEvent[]): Buffer {
    const shown = events.filter((event) => !takeEvent(this.answer, event).isUsageChunk);
    return shown.length === 1 ? shown[0]!.bytes : Buffer.concat(shown.map(({ bytes }) => bytes));
  }
}

function takeEvent(answer: AnswerReader, { data }: SseEvent): { isUsageChunk: boolean } {
  const value = data === null || !data.startsWith('{') ? undefined : parsed(data);
  return value === undefined ? { isUsageChunk: false } : answer.take(value);
}

/** Undefined for what is no JSON: it is passed on all the same. */
function parsed(data: string): Fields | undefined {
  try {
    return JSON.parse(data) as Fields;
  } catch {
    return undefined;
  }
}

/** Where the generated text stands, for an estimate where there is no usage. */
const TEXTS = ['choices', 'content', 'output'] as const;
const KEPT: ReadonlySet<string> = new Set([
  ...USAGE_MEMBERS,
  ...OLLAMA_MEMBERS,
  ...TEXTS,
  'service_tier',
  'error',
  'duration',
]);

class JsonAnswer implements AnswerBody {
  readonly kind = 'json';
  readonly answer = new AnswerReader();
  private readonly members = new JsonMembers({ keep: KEPT });

  get itemCount(): number {
    return this.members.itemCounts.get('data') ?? 0;
  }

  push(bytes: Buffer): Buffer {
    this.members.push(bytes);
    return bytes;
  }

  end(): Buffer {
    const names = this.members.members.map(({ name }) => name).filter((name) => KEPT.has(name));
    this.answer.take(Object.fromEntries(names.map((name) => [name, this.members.valueOf(name)])));
    if (this.answer.usage === null) this.takeDuration();
    for (const { name, start, end } of this.members.members) {
      // Too long to be kept: the length of its JSON is about that of its text.
      const isText = TEXTS.some((text) => text === name);
      if (isText && this.members.valueOf(name) === undefined) this.answer.textBytes += end - start;
    }
    return NOTHING;
  }

  /** A transcription in `verbose_json` says how long the recording is. */
  private takeDuration(): void {
    const seconds = Number(this.members.valueOf('duration') ?? 0);
    if (!Number.isFinite(seconds) || seconds <= 0) return;
    this.answer.usage = { type: 'duration', seconds: Math.ceil(seconds) };
    this.answer.isWhole = true;
  }
}
