/** What a statement says of itself, without a browser. */
import { describe, expect, it } from '@jest/globals';
import { GRACE_MS } from '../../../src/domain/period.js';
import { stateOf } from '../../../packages/console/src/pages/statements/state.js';

const OCTOBER_END = Date.UTC(2026, 10, 1) / 1_000;
const GRACE_SECONDS = GRACE_MS / 1_000;
const draft = { status: 'draft' as const, period: '2026-10' };

describe('a statement', () => {
  it('says of a draft whether the month runs, waits for late usage, or is to be closed', () => {
    const moments = [
      OCTOBER_END - 1,
      OCTOBER_END,
      OCTOBER_END + GRACE_SECONDS - 1,
      OCTOBER_END + GRACE_SECONDS,
    ];
    expect(moments.map((now) => stateOf(draft, now).word)).toEqual([
      'draft, month runs',
      'draft, waits for late usage',
      'draft, waits for late usage',
      'draft, to be closed',
    ]);
  });

  it('names the moment until which late usage counts', () => {
    expect(stateOf(draft, OCTOBER_END).sentence).toContain('until 4 Nov 2026, 00:00 UTC');
  });

  it('that is final does not change', () => {
    expect(stateOf({ ...draft, status: 'final' }, OCTOBER_END).word).toBe('final');
  });
});
