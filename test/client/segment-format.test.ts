/** The format of the outbox's files: what can be read after something went wrong with them. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeSegment, encodeRecord } from '../../packages/client/src/outbox/segment-format.js';
import { aUsageEvent } from '../support/usage-event.js';

/** Multi-byte characters and line breaks in what a caller may choose, so that bytes, characters and lines differ. */
const events = ['a', 'b', 'c', 'd'].map((id) => aUsageEvent({ id, userId: `ü\n${id}` }));
const records = events.map(encodeRecord);
const file = Buffer.concat(records);

describe('a segment', () => {
  it('gives back what was written to it', () => {
    expect(decodeSegment(file)).toEqual({ events, damagedOffsets: [] });
  });

  it('that was cut off at any byte gives back every record before the cut, and calls nothing damaged', () => {
    for (let length = 0; length <= file.length; length += 1) {
      const decoded = decodeSegment(file.subarray(0, length));
      let wholeCount = 0;
      // The line break itself is no part of the record.
      for (let end = 0; wholeCount < 4; wholeCount += 1) {
        end += records[wholeCount]?.length ?? 0;
        if (end - 1 > length) break;
      }
      expect(decoded).toEqual({ events: events.slice(0, wholeCount), damagedOffsets: [] });
    }
  });

  it('loses at most one record to a damaged byte, wherever it is', () => {
    const byte = fc.record({ at: fc.nat({ max: file.length - 1 }), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(byte, ({ at, value }) => {
        const damaged = Buffer.from(file);
        damaged[at] = value;
        const { events: found } = decodeSegment(damaged);
        const missing = events.filter(({ id }) => !found.some((event) => event.id === id));
        expect(found.length + missing.length).toBe(events.length);
        expect(missing.length).toBeLessThanOrEqual(1);
        for (const event of found) expect(events).toContainEqual(event);
      }),
      { numRuns: 2000 },
    );
  });

  it('says where a record cannot be read', () => {
    const damaged = Buffer.from(file);
    const second = records[0]?.length ?? 0;
    damaged[second + 40] = 0;
    const { events: found, damagedOffsets } = decodeSegment(damaged);
    expect(found.map(({ id }) => id)).toEqual(['a', 'c', 'd']);
    expect(damagedOffsets).toEqual([second]);
  });
});
