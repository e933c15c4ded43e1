/**
 * Finds the members of a JSON object at its top, as its bytes arrive, without building the rest. So a gateway reads `usage` out of an
 * answer of any size, and replaces one member of a request without touching the bytes of the others.
 */

export interface Member {
  readonly name: string;
  /** Offsets of the value in all bytes so far; `end` is behind its last byte. */
  readonly start: number;
  readonly end: number;
}

export interface MembersOptions {
  /** Members whose values are kept. */
  readonly keep?: ReadonlySet<string>;
  /** A value with more bytes is not kept. */
  readonly keptBytesMax?: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const KEPT_BYTES_MAX = 1_048_576;
const NAME_BYTES_MAX = 1_024;
const NO_VALUE = -1;
const VALUE_NEXT = -2;
const NONE: ReadonlySet<string> = new Set();

/** Expects what `JSON.parse` would take. Of anything else it finds what looks like members, or none. */
export class JsonMembers {
  readonly members: Member[] = [];
  /** How many items the arrays among the members have, by name. */
  readonly itemCounts = new Map<string, number>();
  private readonly kept = new Map<string, Buffer[]>();
  private readonly keep: ReadonlySet<string>;
  private readonly keptBytesMax: number;

  private offset = 0;
  private depth = 0;
  private isObject = false;
  private inString = false;
  private isEscaped = false;
  /** The name's bytes while one is read, quotes included. */
  private nameBytes: Buffer[] | null = null;
  private name = '';
  /** Of the value that is read; or NO_VALUE, or VALUE_NEXT behind a colon. */
  private valueStart = NO_VALUE;
  private isArray = false;
  private commaCount = 0;
  private hasItem = false;
  private keptBytes = 0;

  constructor({ keep = NONE, keptBytesMax = KEPT_BYTES_MAX }: MembersOptions = {}) {
    this.keep = keep;
    this.keptBytesMax = keptBytesMax;
  }

  push(chunk: Buffer): void {
    // From where in this chunk bytes of a name, or of a value that is kept, are not yet copied.
    const from = { index: 0 };
    for (let index = 0; index < chunk.length; index += 1) {
      if (this.inString) {
        index = this.skipString(chunk, index);
        if (this.inString) break;
        if (this.nameBytes !== null && this.depth === 1) this.endName(chunk.subarray(from.index, index + 1));
      } else this.step(chunk, index, from);
    }
    const rest = chunk.subarray(from.index);
    if (this.nameBytes !== null) this.nameBytes.push(rest);
    else if (this.valueStart >= 0) this.copy(rest);
    this.offset += chunk.length;
  }

  /** The value of a member that is kept, parsed; undefined where there is none, or it is too large, or no JSON. */
  valueOf(name: string): unknown {
    const bytes = this.kept.get(name);
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(Buffer.concat(bytes).toString());
    } catch {
      return undefined;
    }
  }

  /** The index of the quote that ends the string, or of the chunk's last byte. */
  private skipString(chunk: Buffer, from: number): number {
    const start = this.isEscaped ? from + 1 : from;
    this.isEscaped = false;
    let quote = chunk.indexOf(QUOTE, start);
    while (quote !== -1 && isEscapedAt(chunk, quote, start)) quote = chunk.indexOf(QUOTE, quote + 1);
    if (quote === -1) {
      this.isEscaped = isEscapedAt(chunk, chunk.length, start);
      return chunk.length - 1;
    }
    this.inString = false;
    return quote;
  }

  private step(chunk: Buffer, index: number, from: { index: number }): void {
    const byte = chunk[index]!;
    if (byte <= 0x20) return;
    const isTop = this.depth === 1 && this.isObject;
    if (isTop && this.valueStart === NO_VALUE) {
      if (byte === QUOTE) {
        this.nameBytes = [];
        from.index = index;
      } else if (byte === COLON) {
        this.valueStart = VALUE_NEXT;
        return;
      }
    }
    if (isTop && this.valueStart === VALUE_NEXT) {
      this.beginValue(byte, this.offset + index);
      from.index = index;
    } else if (isTop && (byte === COMMA || byte === CLOSE_OBJECT) && this.valueStart >= 0) {
      this.endValue(chunk.subarray(from.index, index), this.offset + index);
      from.index = index + 1;
    } else if (this.depth === 2 && this.isArray) this.countItem(byte);
    if (byte === QUOTE) this.inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (this.depth === 0) this.isObject = byte === OPEN_OBJECT;
      this.depth += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.depth -= 1;
  }

  private beginValue(byte: number, start: number): void {
    this.valueStart = start;
    this.isArray = byte === OPEN_ARRAY;
    this.commaCount = 0;
    this.hasItem = false;
    this.keptBytes = 0;
    if (this.keep.has(this.name)) this.kept.set(this.name, []);
    else this.kept.delete(this.name);
  }

  private countItem(byte: number): void {
    if (byte === COMMA) this.commaCount += 1;
    else if (byte !== CLOSE_ARRAY) this.hasItem = true;
  }

  private endName(rest: Buffer): void {
    const bytes = Buffer.concat([...(this.nameBytes ?? []), rest]);
    this.nameBytes = null;
    this.name = bytes.length > NAME_BYTES_MAX ? '' : nameOf(bytes.toString());
  }

  private endValue(rest: Buffer, end: number): void {
    this.copy(rest);
    this.members.push({ name: this.name, start: this.valueStart, end });
    if (this.isArray) this.itemCounts.set(this.name, this.hasItem ? this.commaCount + 1 : 0);
    this.valueStart = NO_VALUE;
  }

  private copy(bytes: Buffer): void {
    const kept = this.kept.get(this.name);
    if (kept === undefined) return;
    this.keptBytes += bytes.length;
    if (this.keptBytes > this.keptBytesMax) this.kept.delete(this.name);
    else kept.push(Buffer.from(bytes));
  }
}

/** Whether an odd number of backslashes stands before `index`. */
function isEscapedAt(chunk: Buffer, index: number, start: number): boolean {
  let at = index;
  while (at > start && chunk[at - 1] === BACKSLASH) at -= 1;
  return (index - at) % 2 === 1;
}

function nameOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return '';
  }
}
