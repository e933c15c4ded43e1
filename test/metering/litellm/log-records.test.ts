/** Cutting a body into records: whatever its form and wherever the network cuts it. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readRecords, RECORD_BYTES_MAX } from '../../../src/metering/litellm/log-records.js';

const KEPT = { id: true, usage: true, response: { usage: true, tier: true } } as const;
const BOUNDS = { bytesMax: 1024 * 1024, recordsMax: 100 };

async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const read = (text: string, size = 7, bounds = BOUNDS) => readRecords(inChunks(text, size), KEPT, bounds);

/** What is left of a record, by JavaScript's own JSON. */
function pick(value: unknown, kept: object): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const of = Object.hasOwn(kept, name) ? kept[name as keyof typeof kept] : undefined;
      return [name, of === undefined ? null : of === true ? inner : pick(inner, of)];
    }),
  );
}

const record = fc.dictionary(
  fc.constantFrom('id', 'usage', 'messages', 'response', 'tier', 'a"b\\', 'ü', '{'),
  fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(fc.constantFrom('usage', 'tier', 'choices', ']', '\\'), fc.jsonValue({ maxDepth: 2 })),
  ),
);

describe('records', () => {
  it('are those of the body, in any form and any chunks, with the asked fields alone', async () => {
    const forms = [
      (all: unknown[], space: number) => JSON.stringify(all, null, space),
      (all: unknown[]) => all.map((each) => JSON.stringify(each)).join('\n'),
      (all: unknown[], space: number) => all.map((each) => JSON.stringify(each, null, space)).join(''),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(...forms),
        fc.constantFrom(0, 2),
        fc.integer({ min: 1, max: 64 }),
        async (records, form, space, size) => {
          // As JSON knows them: it has no -0.
          const sent = JSON.parse(JSON.stringify(records)) as unknown[];
          expect(await read(form(sent, space), size)).toEqual(sent.map((each) => pick(each, KEPT)));
        },
      ),
    );
  });

  it('may be no objects: each is one that can be refused by itself', async () => {
    expect(await read('[null, 17, "a,]\\"b", [1, [2]], {"id": 1}]')).toEqual([
      null,
      17,
      'a,]"b',
      [1, [2]],
      { id: 1 },
    ]);
    expect(await read('null\n17')).toEqual([null, 17]);
    expect(await read(' [ ] ')).toEqual([]);
  });

  it.each([
    '[{"id":1}',
    '{"id":',
    '{"messages":"abc',
    ']',
    '}',
    '[nul]',
    '{"id":1}}',
    '"abc',
    '{"id" 1}',
    '[{"id":01}]',
  ])('are not read of %s', async (text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('may have a conversation of any length, but nothing else of more than 64 KiB', async () => {
    const long = 'x'.repeat(RECORD_BYTES_MAX + 1);
    expect(await read(JSON.stringify({ id: 1, messages: long }), 4_096)).toEqual([{ id: 1, messages: null }]);
    await expect(read(JSON.stringify({ id: long }), 4_096)).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });

  it('are bounded in number, and the body in bytes', async () => {
    const records = (count: number) => JSON.stringify(Array.from({ length: count }, () => ({ id: 1 })));
    expect(await read(records(100))).toHaveLength(100);
    await expect(read(records(101))).rejects.toMatchObject({ code: 'payload_too_large' });
    const few = { ...BOUNDS, bytesMax: 99 };
    await expect(read(records(99), 7, few)).rejects.toMatchObject({ code: 'payload_too_large' });
  });
});
