import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseEvent } from '../../src/metering/event-validation.js';
import { anEventBody } from '../support/builders.js';

const NOW = new Date('2026-11-22T12:00:00Z');
const refusal = (body: unknown) => {
  const reading = parseEvent(body, NOW);
  return reading.ok ? null : reading;
};

describe('validating an event', () => {
  it('accepts the documented event as it is, and ignores a cost that the producer sent', () => {
    const reading = parseEvent(
      anEventBody({ traceparent: '00-1-2-01' }, { cost_usd: '999', reservation_id: null }),
      NOW,
    );
    expect(reading).toMatchObject({
      ok: true,
      event: {
        entity: 'entity1',
        project: 'project1',
        tokens: { inputTokens: 100, outputTokens: 50 },
        usageSource: 'reported',
      },
    });
  });

  it.each([
    ['specversion', { specversion: '0.3' }, 'invalid_event'],
    ['id', { id: '' }, 'invalid_event'],
    ['id', { id: 'a\u0000b' }, 'invalid_event'],
    ['id', { id: '\ud800' }, 'invalid_event'],
    ['source', { source: 7 }, 'invalid_event'],
    ['subject', { subject: 'entity1' }, 'invalid_subject'],
    ['subject', { subject: 'entity1/a/b' }, 'invalid_subject'],
    ['subject', { subject: '../project1' }, 'invalid_subject'],
    ['type', { type: 'other' }, 'unknown_type'],
    ['time', { time: 'yesterday' }, 'invalid_event'],
    ['time', { time: '2026-02-30T00:00:00Z' }, 'invalid_event'],
    ['data', { data: null }, 'invalid_event'],
  ])('refuses a bad %s (%j) as %s and names the field', (field, override, code) => {
    expect(refusal({ ...anEventBody(), ...override })).toMatchObject({
      code,
      message: expect.stringContaining(field),
    });
  });

  it.each([
    ['data.model', { model: '' }],
    ['data.usage', { usage: 'many' }],
    ['data.usage.prompt_tokens', { usage: { prompt_tokens: -1 } }],
    ['data.tags', { tags: { 'a\u0000': '1' } }],
    ['data.usage_source', { usage_source: 'guessed' }],
  ])('refuses a bad %s and names the field', (field, data) => {
    expect(refusal(anEventBody({}, data))?.message).toContain(field);
  });

  it('treats an empty name of a user, key, request or reservation as left out', () => {
    const names = { reservation_id: '', api_key_id: '', user_id: '', request_id: '' };
    expect(parseEvent(anEventBody({}, names), NOW)).toMatchObject({
      event: { reservationId: null, apiKeyId: null, userId: null, requestId: null },
    });
  });

  it('accepts times from 35 days back to 5 minutes ahead, both included', () => {
    const at = (ms: number) =>
      refusal(anEventBody({ time: new Date(NOW.getTime() + ms).toISOString() }))?.code;
    expect([at(300_000), at(300_001)]).toEqual([undefined, 'time_out_of_range']);
    expect([at(-35 * 86_400_000), at(-35 * 86_400_000 - 1)]).toEqual([undefined, 'time_out_of_range']);
  });

  it('says the source, id and entity of a refused event where they are readable', () => {
    expect(refusal(anEventBody({ id: 'lost' }, { usage: {} }))).toMatchObject({
      source: '/gateways/test',
      id: 'lost',
      entity: 'entity1',
    });
  });

  it('never throws, whatever the input', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        expect(typeof parseEvent(body, NOW).ok).toBe('boolean');
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (extra) => {
        expect(typeof parseEvent({ ...anEventBody(), ...extra }, NOW).ok).toBe('boolean');
      }),
    );
  });
});
