/** Splits a stream of server-sent events into its events, each with the bytes that it had on the wire. */

const LF = 0x0a;
const CR = 0x0d;

/** A longer event is passed on in pieces, unread: no usage is that long. */
const EVENT_BYTES_MAX = 4 * 1_048_576;

export interface SseEvent {
  /** With the blank line that ends it. */
  readonly bytes: Buffer;
  /** Null where the event was too long to be read. */
  readonly data: string | null;
}

export class SseEvents {
  private tail: Buffer = Buffer.alloc(0);
  private isTooLong = false;

  /** The events that end in this chunk. */
  push(chunk: Buffer): SseEvent[] {
    const bytes = this.tail.length === 0 ? chunk : Buffer.concat([this.tail, chunk]);
    const events: SseEvent[] = [];
    // A blank line may have begun in the bytes that were there before.
    let search = Math.max(0, this.tail.length - 3);
    let start = 0;
    for (let end = eventEnd(bytes, search); end !== -1; end = eventEnd(bytes, search)) {
      events.push(this.eventOf(bytes.subarray(start, end)));
      start = end;
      search = end;
    }
    this.tail = bytes.subarray(start);
    if (this.tail.length > EVENT_BYTES_MAX) {
      this.isTooLong = true;
      events.push({ bytes: this.flush(), data: null });
    }
    return events;
  }

  /** What is left when the stream has ended: an event without its blank line, or nothing. */
  end(): SseEvent[] {
    return this.tail.length === 0 ? [] : [this.eventOf(this.flush())];
  }

  private flush(): Buffer {
    const { tail } = this;
    this.tail = Buffer.alloc(0);
    return tail;
  }

  private eventOf(bytes: Buffer): SseEvent {
    const data = this.isTooLong ? null : dataOf(bytes);
    this.isTooLong = false;
    return { bytes, data };
  }
}

/** Behind the next blank line, or -1. Lines end with LF, CRLF or CR; a CR at the very end may still get its LF. */
function eventEnd(bytes: Buffer, from: number): number {
  for (let index = from; index < bytes.length - 1; index += 1) {
    const [byte, next] = [bytes[index], bytes[index + 1]];
    if (byte === LF && next === LF) return index + 2;
    if (byte === LF && next === CR && bytes[index + 2] === LF) return index + 3;
    if (byte === CR && next === CR) return index + 2;
  }
  return -1;
}

/** The lines of `data`, joined as the standard says; empty for a comment. */
function dataOf(bytes: Buffer): string {
  const lines = bytes.toString().split(/\r\n|\r|\n/);
  const data = lines.flatMap((line) => {
    if (!line.startsWith('data:')) return [];
    return line.startsWith('data: ') ? line.slice(6) : line.slice(5);
  });
  return data.join('\n');
}
