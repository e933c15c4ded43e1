/** Names of JavaScript's own objects are texts like any other. */
import { describe, expect, it } from '@jest/globals';
import { isMeter } from '../../src/domain/meters.js';
import { canonicalTier } from '../../src/domain/service-tier.js';
import { parseEvent } from '../../src/metering/event-validation.js';
import { operationOf } from '../../src/metering/descriptive-fields.js';
import { anEventBody } from '../support/builders.js';

const AT = new Date('2026-11-22T11:30:00Z');
const NAMES = ['constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty'];

describe.each(NAMES)('the name %s', (name) => {
  it('is a tier and an operation', () => {
    expect(canonicalTier(name)).toBe(name.toLowerCase());
    expect(operationOf(name)).toBe(name);
  });

  it('is the traffic type of Gemini', () => {
    const usage = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2, trafficType: name };
    expect(parseEvent(anEventBody({}, { usage }), AT)).toMatchObject({
      ok: true,
      event: { serviceTier: name.toLowerCase() },
    });
  });

  it('is no lifetime of a cache write on Bedrock', () => {
    const usage = {
      inputTokens: 1,
      outputTokens: 1,
      cacheWriteInputTokens: 7,
      cacheDetails: [{ ttl: name, inputTokens: 7 }],
    };
    const reading = parseEvent(anEventBody({}, { usage }), AT);
    expect(reading).toMatchObject({ ok: false, code: 'invalid_tokens' });
  });

  it('is no modality of Gemini', () => {
    const promptTokensDetails = [{ modality: name, tokenCount: 3 }];
    const usage = { promptTokenCount: 3, candidatesTokenCount: 1, totalTokenCount: 4, promptTokensDetails };
    const reading = parseEvent(anEventBody({}, { usage }), AT);
    expect(reading).toMatchObject({ ok: true, event: { quantities: { input: 3, output: 1 } } });
    expect(reading.ok && Object.keys(reading.event.quantities).every(isMeter)).toBe(true);
  });
});

function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}

describe('deep nesting', () => {
  it.each(['user_id', 'tags', 'service_tier', 'attributes'])('of %s is cut or refused', (field) => {
    for (const depth of [1_000, 8_000, 100_000]) {
      const value = field === 'tags' || field === 'attributes' ? { a: nested(depth) } : nested(depth);
      const reading = parseEvent(anEventBody({}, { [field]: value }), AT);
      expect(reading.ok || (depth > 1_000 && reading.code === 'invalid_event')).toBe(true);
    }
  });

  it('of a usage with unread fields is kept or refused', () => {
    for (const depth of [1_000, 8_000, 100_000]) {
      const deep = nested(depth);
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, odd_tokens: 5, deep };
      const reading = parseEvent(anEventBody({}, { usage }), AT);
      expect(reading.ok || (depth > 1_000 && reading.code === 'invalid_event')).toBe(true);
    }
  });
});
