/**
 * The format of the outbox's files: one record a line, `<crc32 of the JSON, 8 hex digits> <its length in bytes> <JSON>\n`.
 * JSON has no line breaks, so a reader finds the next record after a damaged one, and a person can read the file.
 */
import { crc32 } from 'node:zlib';
import type { UsageEvent } from '../protocol/usage-event.js';

const NEWLINE = 0x0a;
/** Eight digits of checksum and at most nine of length, with a space after each. */
const HEADER = /^([0-9a-f]{8}) (\d{1,9}) /;
const HEADER_BYTES_MAX = 19;

export interface DecodedSegment {
  readonly events: readonly UsageEvent[];
  /**
   * Where a record cannot be read. A record that a crash cut off at the end is not among them: the report of its event
   * never resolved.
   */
  readonly damagedOffsets: readonly number[];
}

export function encodeRecord(event: UsageEvent): Buffer {
  const json = JSON.stringify(event);
  const checksum = crc32(json).toString(16).padStart(8, '0');
  return Buffer.from(`${checksum} ${Buffer.byteLength(json)} ${json}\n`);
}

/** Reads every record that is whole, wherever it stands: one damaged byte costs at most one record. */
export function decodeSegment(content: Uint8Array): DecodedSegment {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const events: UsageEvent[] = [];
  const damagedOffsets: number[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset);
    if (record !== null) {
      events.push(record.event);
      // Skips one byte, line break or not: the checksum covers only what is between line breaks.
      offset = record.end + 1;
      continue;
    }
    const newline = bytes.indexOf(NEWLINE, offset);
    if (newline === -1) break;
    damagedOffsets.push(offset);
    offset = newline + 1;
  }
  return { events, damagedOffsets };
}

function recordAt(bytes: Buffer, offset: number): { event: UsageEvent; end: number } | null {
  const header = HEADER.exec(bytes.toString('latin1', offset, offset + HEADER_BYTES_MAX));
  if (header === null) return null;
  const start = offset + header[0].length;
  const end = start + Number(header[2]);
  if (end > bytes.length) return null;
  const json = bytes.subarray(start, end);
  if (crc32(json) !== Number.parseInt(header[1] ?? '', 16)) return null;
  // Only this client writes here, and the checksum says that it is what was written.
  return { event: JSON.parse(json.toString()) as UsageEvent, end };
}
