/** The reader by hand, held to zod. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { envelopeOf } from '../../src/metering/event-validation.js';
import { usualEnvelope } from '../../src/metering/usual-envelope.js';
import { anEventBody } from '../support/builders.js';

const aDate = fc
  .date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const two = fc.integer({ min: 0, max: 61 }).map((value) => String(value).padStart(2, '0'));
/** Most of them are no time at all. */
const almostATime = fc
  .tuple(fc.constantFrom('2026', '2024', '0099', '0000', '1900', '20260'), two, two, two, two, two)
  .chain(([year, month, day, hour, minute, second]) =>
    fc
      .constantFrom(
        'Z',
        '.1Z',
        '.12Z',
        '.123Z',
        '.1234Z',
        '.Z',
        '+00:00',
        '-23:59',
        '.123+05:30',
        '',
        'z',
        ' Z',
      )
      .map((end) => `${year}-${month}-${day}T${hour}:${minute}:${second}${end}`),
  );
const oddTime = fc.constantFrom(
  '2024-02-29T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-12-31T23:59:60Z',
  '2026-11-22T24:00:00Z',
  '2026-11-22T19:59Z',
  '2026-11-22 19:59:22Z',
  '2026-11-22T19:59:22.123Z\n',
  '٢٠٢٦-11-22T19:59:22Z',
);
const anything = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, '', 0, 1, true, [], {}, '1.0', 'a\u0000', '\ud800', 'a\u0085b'),
  fc.integer({ min: 255, max: 259 }).map((length) => 'x'.repeat(length)),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 3 }),
  aDate,
  almostATime,
  oddTime,
);
const aName = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'isPrototypeOf', 'x');
const aPlace = fc.oneof(
  ...['specversion', 'id', 'source', 'type', 'subject', 'time', 'data'].map((name) => fc.constant([name])),
  ...['model', 'usage', 'usage_format', 'operation', 'tags'].map((name) => fc.constant(['data', name])),
  aName.map((name) => [name]),
  aName.map((name) => ['data', name]),
  aName.map((name) => ['data', 'usage', name]),
  aName.map((name) => ['data', 'usage', 'prompt_tokens_details', name]),
);
const aChange = fc.oneof(
  fc.record({ path: aPlace, value: anything }),
  fc.record({ path: fc.constant(['time']), value: fc.oneof(aDate, almostATime, oddTime) }),
);

/** A usual event with some of its fields changed, as it would come out of JSON. */
const aChangedEvent = fc.array(aChange, { maxLength: 3 }).map((changes) => {
  const usage = { prompt_tokens: 100, completion_tokens: 50, prompt_tokens_details: { cached_tokens: 7 } };
  const event = anEventBody({ id: 'a' }, { usage });
  for (const { path, value } of changes) change(event, path, value);
  return event;
});

/** Sets a field of any name, `__proto__` too, as `JSON.parse` does. */
function change(event: object, path: readonly string[], value: unknown): void {
  let parent: unknown = event;
  for (const name of path.slice(0, -1))
    parent = (parent as Record<string, unknown> | null | undefined)?.[name];
  if (typeof parent !== 'object' || parent === null) return;
  const field = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(parent, path.at(-1)!, field);
}

const readsAsZod = (json: unknown): void => {
  const usual = usualEnvelope(json);
  if (usual !== null) expect({ of: json, envelope: usual }).toEqual({ of: json, envelope: envelopeOf(json) });
};

describe('an envelope that is read by hand', () => {
  it('is read as zod reads it, whatever a usual event is changed to', () => {
    let usual = 0;
    fc.assert(
      fc.property(aChangedEvent, (event) => {
        readsAsZod(event);
        if (usualEnvelope(event) !== null) usual += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(usual).toBeGreaterThan(100);
  });

  it('is read as zod reads it, whatever else JSON may be', () => {
    fc.assert(fc.property(fc.jsonValue(), readsAsZod));
    const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) as object;
    readsAsZod(deep);
    readsAsZod({ ...anEventBody(), data: { ...(anEventBody()['data'] as object), deep } });
  });

  it('is what most producers send: at any time but a leap day, with any text that can be printed', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((each) => each.length <= 256);
    fc.assert(
      fc.property(text, text, aDate, (id, model, time) => {
        fc.pre(!time.includes('-02-29') && time >= '0100');
        expect(usualEnvelope(anEventBody({ id, time }, { model, user_id: 7 }))).toMatchObject({ id });
      }),
    );
    expect(
      usualEnvelope(anEventBody({ time: '2026-11-22T19:59:22Z' }, { usage_format: null })),
    ).not.toBeNull();
  });
});
