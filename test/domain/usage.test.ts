import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fingerprintOf, identityOf, readTokens, type UsageEvent } from '../../src/domain/usage.js';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';

const MAX = 2 ** 31 - 1;

describe('token counts', () => {
  it('reads the chat shape: cached is part of the prompt, reasoning part of the completion', () => {
    expect(
      readTokens({
        prompt_tokens: 812,
        completion_tokens: 204,
        total_tokens: 1016,
        prompt_tokens_details: { cached_tokens: 512, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 64 },
      }),
    ).toEqual({
      ok: true,
      tokens: { inputTokens: 300, cachedInputTokens: 512, outputTokens: 204, reasoningTokens: 64 },
    });
  });

  it('reads the Responses shape, the embeddings shape, and details that are missing or null', () => {
    const counts = (usage: Record<string, unknown>) => {
      const reading = readTokens(usage);
      return reading.ok && Object.values(reading.tokens);
    };
    expect(
      counts({
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 6,
        output_tokens_details: { reasoning_tokens: 2 },
      }),
    ).toEqual([6, 4, 6, 2]);
    expect(counts({ prompt_tokens: 8, total_tokens: 8 })).toEqual([8, 0, 0, 0]);
    expect(counts({ prompt_tokens: 8, completion_tokens: 1, prompt_tokens_details: null })).toEqual([
      8, 0, 1, 0,
    ]);
    expect(
      counts({ prompt_tokens: 8, completion_tokens: 1, prompt_tokens_details: { cached_tokens: null } }),
    ).toEqual([8, 0, 1, 0]);
    expect(counts({ prompt_tokens: MAX, completion_tokens: MAX })).toEqual([MAX, 0, MAX, 0]);
  });

  it.each([
    [{}, ''],
    [{ total_tokens: 5 }, ''],
    [{ prompt_tokens: -1 }, 'prompt_tokens'],
    [{ prompt_tokens: 1.5 }, 'prompt_tokens'],
    [{ prompt_tokens: '5' }, 'prompt_tokens'],
    [{ prompt_tokens: NaN }, 'prompt_tokens'],
    [{ prompt_tokens: MAX + 1 }, 'prompt_tokens'],
    [{ prompt_tokens: 1, completion_tokens: true }, 'completion_tokens'],
    [{ prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } }, ''],
    [{ completion_tokens: 1, completion_tokens_details: { reasoning_tokens: 2 } }, ''],
    [
      { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: -1 } },
      'prompt_tokens_details.cached_tokens',
    ],
    [{ prompt_tokens: 1, prompt_tokens_details: [] }, 'prompt_tokens_details'],
    [{ prompt_tokens: 1, input_tokens: 2 }, 'input_tokens'],
  ])('refuses %j and names the field', (usage, field) => {
    expect(readTokens(usage)).toMatchObject({ ok: false, field });
  });

  it('accounts for every prompt and completion token once', () => {
    fc.assert(
      fc.property(fc.nat(MAX), fc.nat(MAX), fc.nat(MAX), fc.nat(MAX), (prompt, completion, a, b) => {
        const cached = Math.min(a, prompt);
        const reasoning = Math.min(b, completion);
        const reading = readTokens({
          prompt_tokens: prompt,
          completion_tokens: completion,
          prompt_tokens_details: { cached_tokens: cached },
          completion_tokens_details: { reasoning_tokens: reasoning },
        });
        if (!reading.ok) throw new Error(reading.message);
        const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = reading.tokens;
        expect([inputTokens + cachedInputTokens, outputTokens, reasoningTokens]).toEqual([
          prompt,
          completion,
          reasoning,
        ]);
      }),
    );
  });
});

describe('identity and fingerprint', () => {
  const event: UsageEvent = {
    source: '/gateways/eu-1',
    id: 'chatcmpl-1',
    entity: 'entity1' as EntityName,
    project: 'project1' as ProjectName,
    occurredAt: new Date('2026-11-22T19:59:22.123Z'),
    model: 'm',
    operation: 'chat',
    tokens: { inputTokens: 1, cachedInputTokens: 2, outputTokens: 3, reasoningTokens: 0 },
    usageSource: 'reported',
    reservationId: null,
    apiKeyId: null,
    userId: null,
    requestId: null,
    tags: { a: '1', b: '2' },
  };

  it('identifies an event by source and id alone', () => {
    expect(identityOf({ ...event, occurredAt: new Date(), model: 'other' } as UsageEvent)).toBe(
      identityOf(event),
    );
    expect(identityOf({ source: 'a', id: 'bc' })).not.toBe(identityOf({ source: 'ab', id: 'c' }));
    expect(identityOf(event)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it('gives any other content another fingerprint, but not another sequence of tags', () => {
    const others: Partial<UsageEvent>[] = [
      { occurredAt: new Date('2026-11-22T19:59:22.124Z') },
      { model: 'n' },
      { project: 'project2' as ProjectName },
      { tokens: { ...event.tokens, inputTokens: 2 } },
      { usageSource: 'estimated' },
      { tags: null },
    ];
    for (const other of others) expect(fingerprintOf({ ...event, ...other })).not.toBe(fingerprintOf(event));
    expect(fingerprintOf({ ...event, tags: { b: '2', a: '1' } })).toBe(fingerprintOf(event));
  });
});
