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
        quantities: { input: 100, output: 50 },
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
    ['data.usage_format', { usage_format: 'nobody' }],
    ['data.usage', { usage: {} }],
  ])('refuses a bad %s and names the field', (field, data) => {
    expect(refusal(anEventBody({}, data))?.message).toContain(field);
  });

  describe('what is descriptive', () => {
    const long = 'x'.repeat(300);
    const tags = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, 'v']));
    it.each([
      ['user_id', long, { userId: 'x'.repeat(256) }],
      ['user_id', 17, { userId: '17' }],
      ['user_id', true, { userId: 'true' }],
      ['user_id', { name: 'a' }, { userId: '{"name":"a"}' }],
      ['user_id', 'a\nb', { userId: 'a\ufffdb' }],
      ['user_id', `${'x'.repeat(255)}\ud83d\ude00`, { userId: `${'x'.repeat(255)}\ufffd` }],
      ['api_key_id', ['k'], { apiKeyId: '["k"]' }],
      ['request_id', 'x'.repeat(1_025), { requestId: 'x'.repeat(1_024) }],
      ['reservation_id', 5, { reservationId: '5' }],
      ['operation', long, { operation: 'x'.repeat(64) }],
      ['operation', 7, { operation: '7' }],
      ['usage_source', 'guessed', { usageSource: 'reported' }],
      ['service_tier', 7, { serviceTier: '7' }],
      ['region', long, { region: 'x'.repeat(64) }],
      ['tags', 'none', { tags: null }],
      ['tags', { 'a\u0000': 'b\nc', n: 1, o: null }, { tags: { 'a\ufffd': 'b\ufffdc', n: '1' } }],
      ['tags', tags, { tags: Object.fromEntries(Object.entries(tags).slice(0, 32)) }],
      ['attributes', { size: 1024 }, { attributes: { size: '1024' } }],
    ])('never refuses an event: %s %j is mended and named', (field, value, expected) => {
      expect(parseEvent(anEventBody({}, { [field]: value }), NOW)).toMatchObject({
        ok: true,
        event: { ...expected, mended: [field] },
      });
    });

    it('may be null or left out, and nothing is mended', () => {
      const nothing = { operation: null, user_id: null, tags: null, usage_source: null, service_tier: null };
      expect(parseEvent(anEventBody({}, nothing), NOW)).toMatchObject({
        event: {
          operation: 'chat',
          userId: null,
          tags: null,
          usageSource: 'reported',
          serviceTier: 'default',
          mended: [],
        },
      });
    });

    it.each([
      ['embedding', 'embeddings'],
      ['text_embedding', 'embeddings'],
      ['acompletion', 'chat'],
      ['aembedding', 'embeddings'],
      ['aresponses', 'responses'],
      ['anthropic_messages', 'chat'],
      ['_arealtime', 'realtime'],
      ['chat.completions', 'chat'],
      ['completion', 'completions'],
      ['audio/speech', 'audio.speech'],
      ['images.generations', 'images'],
      ['something.new', 'something.new'],
    ])('reads the operation %s as %s', (operation, expected) => {
      expect(parseEvent(anEventBody({}, { operation }), NOW)).toMatchObject({
        event: { operation: expected },
      });
    });
  });

  it('takes tier, region and attributes from the event, and from the usage where the event does not say', () => {
    const usage = { input_tokens: 5, output_tokens: 2, cache_read_input_tokens: 0, service_tier: 'priority' };
    const of = (data: object) => parseEvent(anEventBody({}, { usage, ...data }), NOW);
    expect(of({})).toMatchObject({ event: { serviceTier: 'priority', region: null, attributes: null } });
    expect(of({ service_tier: 'Batches', region: 'eu', attributes: { resolution: '1080p' } })).toMatchObject({
      event: { serviceTier: 'batch', region: 'eu', attributes: { resolution: '1080p' } },
    });
    expect(of({ service_tier: 'standard' })).toMatchObject({ event: { serviceTier: 'default' } });
  });

  it('keeps the usage object where a field of it is unread, in a form that Postgres can store', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, mystery_tokens: 3, note: 'a\u0000\ud800b' };
    expect(parseEvent(anEventBody({}, { usage }), NOW)).toMatchObject({
      event: {
        quantities: { input: 1, output: 2 },
        unread: ['mystery_tokens'],
        rawUsage: { prompt_tokens: 1, completion_tokens: 2, mystery_tokens: 3, note: 'a\ufffd\ufffdb' },
      },
    });
    expect(parseEvent(anEventBody(), NOW)).toMatchObject({ event: { unread: [], rawUsage: null } });
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
