import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NoBody, ReservationOrder, ReservationPath } from '../../src/quota/quota.schema.js';
import { isUsualRelease, readUsualOrder } from '../../src/quota/usual-order.js';

const number = fc.constantFrom(
  0,
  1,
  -1,
  1.5,
  900,
  86_400,
  86_401,
  1_000_000,
  1_000_001,
  1e9,
  2 ** 53,
  NaN,
  Infinity,
);
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    ' ',
    'auto',
    'Standard',
    'FLEX',
    'é',
    '\u0000',
    '\u0085',
    '\ud800',
    '😀',
    '~',
    '\u007f',
  ),
  fc.constantFrom(63, 64, 65, 255, 256, 257, 1023, 1024, 1025).map((length) => 'x'.repeat(length)),
  fc.string(),
);
const subject = fc.oneof(
  fc.constantFrom('e/p', 'e', 'e/p/q', '/p', 'e/', 'é/p', 'e.1/p_2', `${'e'.repeat(129)}/p`),
  text,
);
const anything = fc.oneof(text, number, fc.constantFrom(null, undefined, true, [], {}, ['a']));
const field = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: anything });
const body = fc.record(
  {
    project: field(subject),
    model: field(text),
    input_tokens: field(number),
    max_output_tokens: field(number),
    input_bytes: field(number),
    input_count: field(number),
    output_count: field(number),
    service_tier: field(text),
    region: field(text),
    request_id: field(text),
    ttl_seconds: field(number),
    colour: anything,
  },
  { requiredKeys: [] },
);

describe('the usual order, read by hand', () => {
  it('is what the schema gives, or nothing', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: body }, { weight: 1, arbitrary: anything }), (value) => {
        const read = readUsualOrder(value);
        expect(read ?? 'nothing').toEqual(read === null ? 'nothing' : ReservationOrder.parse(value));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is read where every field is given, and where only the needed ones are', () => {
    const least = { project: 'entity1/project1', model: 'a/model-1' };
    const most = {
      ...least,
      input_tokens: 1,
      input_bytes: 3,
      max_output_tokens: 2,
      input_count: 4,
      output_count: 1_000_000,
      service_tier: 'flex',
      region: 'eu-1',
      request_id: 'r',
      ttl_seconds: 60,
    };
    for (const value of [least, most]) expect(readUsualOrder(value)).toEqual(ReservationOrder.parse(value));
  });
});

describe('the usual release', () => {
  it('is one that the schema takes as it is', () => {
    const requests = fc.record({
      params: fc.record({ id: field(text) }),
      body: fc.oneof(fc.constant({}), anything, fc.constant({ colour: 'red' })),
    });
    fc.assert(
      fc.property(requests, ({ params, body: given }) => {
        const isTaken = ReservationPath.safeParse(params).success && NoBody.safeParse(given).success;
        expect(isTaken || !isUsualRelease({ params, body: given })).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    const id = 'res_AAAAAAAAAAAAAAAAAAAAAA.entity1';
    for (const given of [undefined, {}]) expect(isUsualRelease({ params: { id }, body: given })).toBe(true);
  });
});
