/** The gateway's readers of bytes, against simple ones, in whatever pieces the bytes come. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonMembers } from '../../packages/gateway/src/proxy/json-members.js';
import { SseEvents } from '../../packages/gateway/src/proxy/sse-events.js';

/** Cuts bytes at the places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 12 });

describe('the members of an object', () => {
  it('are found with their bytes and their values, whatever they hold', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const name = fc.oneof(fc.string(), fc.constantFrom('usage', 'data', '', '"', '\\', '\\"', '}', '💥'));
    const object = fc.dictionary(name, value, { maxKeys: 6 });
    const blanks = fc.constantFrom(undefined, 1, '\t', '\n  ');
    fc.assert(
      fc.property(object, blanks, cuts, (given, indent, places) => {
        const bytes = Buffer.from(JSON.stringify(given, null, indent));
        const members = new JsonMembers({ keep: new Set(Object.keys(given)) });
        for (const piece of cut(bytes, places)) members.push(piece);
        const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>;
        expect(members.members.map((member) => member.name)).toEqual(Object.keys(parsed));
        const lists = Object.entries(parsed).filter(([, item]) => Array.isArray(item));
        expect([...members.itemCounts]).toEqual(
          lists.map(([found, item]) => [found, (item as unknown[]).length]),
        );
        for (const { name: found, start, end } of members.members) {
          expect(JSON.parse(bytes.subarray(start, end).toString())).toEqual(parsed[found]);
          expect(members.valueOf(found)).toEqual(parsed[found]);
        }
      }),
    );
  });

  it('are none in anything else', () => {
    for (const text of ['[{"usage":1}]', '"usage"', '7', 'null', '[]', '{}', '', '{"usage"']) {
      const members = new JsonMembers({ keep: new Set(['usage']) });
      members.push(Buffer.from(text));
      expect([members.members, members.valueOf('usage')]).toEqual([[], undefined]);
    }
  });

  it('are kept up to a bound, and the last of two counts', () => {
    const members = new JsonMembers({ keep: new Set(['a', 'b']), keptBytesMax: 10 });
    members.push(Buffer.from(`{"a":1,"b":"${'x'.repeat(20)}","a":2}`));
    expect([members.valueOf('a'), members.valueOf('b')]).toEqual([2, undefined]);
  });
});

describe('the events of a stream', () => {
  const line = fc.oneof(
    fc.json().map((text) => `data: ${text}`),
    fc.constantFrom(': ping', 'event: x', 'data:', 'data:x', 'id: 1', 'retry'),
  );
  const events = fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 });

  it('are found in whatever pieces they come, and no byte is lost', () => {
    fc.assert(
      fc.property(
        events,
        fc.constantFrom('\n', '\r\n', '\r'),
        cuts,
        fc.boolean(),
        (given, end, places, ends) => {
          const texts = given.map((lines) => lines.map((text) => `${text}${end}`).join('') + end);
          // The last event may lack its blank line.
          const whole = ends ? texts.join('') : texts.join('').slice(0, -end.length);
          const reader = new SseEvents();
          const found = cut(Buffer.from(whole), places).flatMap((piece) => reader.push(piece));
          found.push(...reader.end());
          expect(Buffer.concat(found.map(({ bytes }) => bytes)).toString()).toBe(whole);
          const data = given.map((lines) =>
            lines
              .flatMap((text) => (text.startsWith('data:') ? [text.slice(5).replace(/^ /, '')] : []))
              .join('\n'),
          );
          expect(found.map((event) => event.data)).toEqual(data);
        },
      ),
    );
  });

  it('that are longer than any usage pass in pieces, unread', () => {
    const reader = new SseEvents();
    const piece = Buffer.alloc(1_048_576, 'x');
    const found = [
      Buffer.from('data: '),
      ...Array<Buffer>(5).fill(piece),
      Buffer.from('\n\ndata: 1\n\n'),
    ].flatMap((part) => reader.push(part));
    expect(Buffer.concat(found.map(({ bytes }) => bytes))).toHaveLength(6 + 5 * piece.length + 11);
    expect(found.at(-1)?.data).toBe('1');
    expect(found[0]?.data).toBeNull();
    expect(found.slice(0, -1).every(({ data }) => data === null)).toBe(true);
  });
});
