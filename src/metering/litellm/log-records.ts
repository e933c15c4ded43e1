/**
 * Cuts a body of logs into records as it arrives: a JSON array, one JSON object, or one object a line. Of each object only the fields that
 * are asked for are kept. The bytes of the others, such as a conversation of megabytes, are skipped and never become text.
 */
import { TallyError } from '../../domain/errors.js';
import { parseJsonBody } from '../../http/json-body.js';

/** The fields of an object that are kept: whole, or only some of their own. */
export type Kept = { readonly [field: string]: true | Kept };

/** What may be kept of one record. A usage object has a few hundred bytes. */
export const RECORD_BYTES_MAX = 64 * 1024;

export type Bounds = { readonly bytesMax: number; readonly recordsMax: number };

/** Each record as JSON, a skipped field as null. Throws where the body is no JSON or passes a bound. */
export async function readRecords(
  chunks: AsyncIterable<Uint8Array>,
  kept: Kept,
  { bytesMax, recordsMax }: Bounds,
): Promise<unknown[]> {
  const cutter = new RecordCutter(kept);
  const records: unknown[] = [];
  let bytes = 0;
  const take = (): void => {
    for (const record of cutter.take()) records.push(parseJsonBody(record));
    if (records.length > recordsMax) throw tooLarge(`has more than ${recordsMax} records`);
  };
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(`is larger than ${bytesMax / 1024 / 1024} MiB`);
    cutter.write(chunk);
    take();
  }
  cutter.end();
  take();
  return records;
}

const NULL = Buffer.from('null');
const KEY_LENGTH_MAX = 64;

/** Knows strings, depths and the keys of the outer objects, and nothing else of JSON: what is kept is parsed afterwards. */
class RecordCutter {
  private complete: Buffer[] = [];
  /** Of the record that has begun. */
  private parts: Uint8Array[] = [];
  private keptBytes = 0;
  /** Where in this chunk the bytes begin that are kept and not in `parts` yet; −1 where none are kept. */
  private from = -1;
  private depth = 0;
  private isInArray = false;
  private isScalar = false;
  private isInString = false;
  private isEscaped = false;
  /** For each object around the place whose fields are picked: what is kept of it. */
  private readonly picks: Kept[] = [];
  /** What is kept of the value that comes next, where it is an object. */
  private next: Kept | null = null;
  private key: string | null = null;
  private isSkipping = false;

  constructor(private readonly kept: Kept) {}

  write(chunk: Uint8Array): void {
    if (this.depth > 0 || this.isScalar) this.from = this.isSkipping ? -1 : 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]!;
      if (this.isInString) this.inString(byte, chunk, at);
      else if (this.depth === 0) this.between(byte, chunk, at);
      else this.within(byte, chunk, at);
    }
    this.keep(chunk, chunk.length);
  }

  end(): void {
    if (this.isScalar && !this.isInString) this.finish(new Uint8Array(), 0);
    if (this.depth > 0 || this.isInArray || this.isScalar) throw malformed('ends before its JSON does');
  }

  take(): Buffer[] {
    const taken = this.complete;
    this.complete = [];
    return taken;
  }

  private inString(byte: number, chunk: Uint8Array, at: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) {
      this.isInString = false;
      if (this.depth === 0) this.finish(chunk, at + 1);
      return;
    }
    if (this.key !== null && this.key.length < KEY_LENGTH_MAX) this.key += String.fromCharCode(byte);
  }

  /** Outside of any record. What is no object is a record too, so that it is counted and refused by itself. */
  private between(byte: number, chunk: Uint8Array, at: number): void {
    const isDelimiter = byte <= SPACE || byte === COMMA || byte === CLOSE_BRACKET;
    if (this.isScalar && isDelimiter) this.finish(chunk, at);
    if (byte === CLOSE_BRACKET && this.isInArray) this.isInArray = false;
    else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) throw malformed('is not valid JSON');
    else if (isDelimiter || this.isScalar) return;
    else if (byte === OPEN_BRACKET && !this.isInArray) this.isInArray = true;
    else this.begin(byte, at);
  }

  private begin(byte: number, at: number): void {
    this.from = at;
    if (byte === OPEN_BRACE) {
      this.depth = 1;
      this.picks.push(this.kept);
      this.key = '';
    } else if (byte === OPEN_BRACKET) this.depth = 1;
    else {
      this.isScalar = true;
      this.isInString = byte === QUOTE;
    }
  }

  private within(byte: number, chunk: Uint8Array, at: number): void {
    const isPicking = this.picks.length === this.depth;
    if (byte === QUOTE) {
      this.isInString = true;
      // Only a key is noted, from its first character on.
      if (this.key !== null) this.key = '';
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      this.depth += 1;
      if (isPicking && this.next !== null && byte === OPEN_BRACE) {
        this.picks.push(this.next);
        this.key = '';
      }
      this.next = null;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.close(isPicking, chunk, at);
    else if (isPicking && byte === COLON && this.key !== null) this.enterValue(chunk, at);
    else if (isPicking && byte === COMMA) {
      this.resume(at);
      this.next = null;
      this.key = '';
    }
  }

  private close(isPicking: boolean, chunk: Uint8Array, at: number): void {
    if (isPicking) {
      this.resume(at);
      this.picks.pop();
      this.next = null;
      this.key = null;
    }
    this.depth -= 1;
    if (this.depth === 0) this.finish(chunk, at + 1);
  }

  private enterValue(chunk: Uint8Array, at: number): void {
    const wanted = this.picks.at(-1)!;
    const kept = Object.hasOwn(wanted, this.key!) ? wanted[this.key!]! : null;
    this.key = null;
    this.next = kept === true ? null : kept;
    if (kept !== null) return;
    this.keep(chunk, at + 1);
    this.add(NULL);
    this.from = -1;
    this.isSkipping = true;
  }

  private resume(at: number): void {
    if (!this.isSkipping) return;
    this.isSkipping = false;
    this.from = at;
  }

  private keep(chunk: Uint8Array, to: number): void {
    if (this.from >= 0 && to > this.from) this.add(chunk.subarray(this.from, to));
    this.from = -1;
  }

  private add(part: Uint8Array): void {
    this.keptBytes += part.length;
    if (this.keptBytes > RECORD_BYTES_MAX)
      throw tooLarge(`has a record of more than ${RECORD_BYTES_MAX / 1024} KiB beside its conversation`);
    this.parts.push(part);
  }

  private finish(chunk: Uint8Array, to: number): void {
    this.keep(chunk, to);
    this.complete.push(Buffer.concat(this.parts));
    this.parts = [];
    this.keptBytes = 0;
    this.isScalar = false;
    this.key = null;
  }
}

const [QUOTE, BACKSLASH, COMMA, COLON, SPACE] = [34, 92, 44, 58, 32];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [123, 125, 91, 93];

function malformed(what: string): TallyError {
  return new TallyError('invalid_request', `The request body ${what}`);
}

function tooLarge(what: string): TallyError {
  return new TallyError('payload_too_large', `The request body ${what}`);
}
