/** What the console says the next request would get, held against what the service decides. Without a browser. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { denialOfNext, nextSentence } from '../../../packages/console/src/pages/customer/next-request.js';
import { denialSentence } from '../../../packages/console/src/pages/customer/denial-words.js';
import type { EntityName, ProjectName } from '../../../src/domain/ids.js';
import { holdNanos } from '../../../src/domain/money.js';
import type { Period } from '../../../src/domain/period.js';
import { decide, unlimited } from '../../../src/domain/quota-limits.js';

/** Around each other, so that limits are reached as often as not; and fractions that nanodollars do not have. */
const amount = fc.bigInt({ min: 0n, max: 40n }).map((tenths) => tenths * 10n ** 11n);
const fraction = fc.constantFrom(0n, 1n, 999n, 1_000n, 1_001n);
const picos = fc.tuple(amount, fraction).map(([whole, part]) => whole + part);
const limit = fc.option(picos, { nil: null });

const question = fc.record({
  limits: fc.record({
    mode: fc.constant('enforce' as const),
    monthlyCapPicos: limit,
    yearlyCapPicos: limit,
    overage: fc.constantFrom('blocked' as const, 'allowed' as const),
    maxConcurrentRequests: fc.option(fc.nat(3), { nil: null }),
  }),
  state: fc.record({
    monthPicos: picos,
    yearPicos: picos,
    creditsPicos: picos,
    // What requests hold is in whole nanodollars.
    heldPicos: amount,
    inFlightCount: fc.nat(3),
  }),
});

describe('what the next request would get', () => {
  it('is what the service decides for a request of unknown cost, whatever the limits', () => {
    fc.assert(
      fc.property(question, ({ limits, state }) => {
        const held = { nanos: holdNanos(state.heldPicos), count: state.inFlightCount };
        const decided = decide(
          {
            entity: {
              entity: 'acme' as EntityName,
              mode: limits.mode,
              period: '2026-11' as Period,
              monthCostPicos: state.monthPicos,
              yearCostPicos: state.yearPicos,
              monthlyCapPicos: limits.monthlyCapPicos,
              yearlyCapPicos: limits.yearlyCapPicos,
              overage: limits.overage,
              maxConcurrentRequests: limits.maxConcurrentRequests,
              creditsPicos: state.creditsPicos,
              grantedPicos: state.creditsPicos,
            },
            project: unlimited('chat' as ProjectName),
            holds: { entity: held, project: held },
          },
          null,
        );
        expect(denialOfNext(limits, state)).toBe(decided?.limit ?? null);
      }),
      { numRuns: 2_000 },
    );
  });

  const usd = (dollars: bigint) => dollars * 10n ** 12n;
  const LIMITS = {
    mode: 'enforce',
    monthlyCapPicos: usd(20n),
    yearlyCapPicos: null,
    overage: 'blocked',
    maxConcurrentRequests: null,
  } as const;
  const STATE = {
    monthPicos: usd(21n),
    yearPicos: usd(21n),
    creditsPicos: usd(479n),
    heldPicos: 0n,
    inFlightCount: 0,
  };

  it('reads as a sentence: why it is refused, or how much is left', () => {
    expect(nextSentence(LIMITS, STATE)).toBe(
      'The next request would be refused: the monthly cap of $20 is reached, with $21.00 booked and $0.00 held by requests in flight.',
    );
    expect(nextSentence({ ...LIMITS, monthlyCapPicos: usd(30n) }, STATE)).toBe(
      'The next request would be admitted. $9.00 is left before the monthly cap is reached.',
    );
    expect(nextSentence({ ...LIMITS, mode: 'shadow' }, STATE)).toContain('admitted, and noted as refused');
    expect(nextSentence({ ...LIMITS, mode: 'off' }, STATE)).toContain('no limit decides');
  });
});

describe('a refused request', () => {
  const DENIED = {
    limit: 'entity_monthly_cap',
    scope: 'acme',
    retryable: false,
    resets_at: 1_796_083_200,
    mode: 'enforce' as const,
    booked: { project_month_usd: null, entity_month_usd: '21', entity_year_usd: '21' },
    held: { project_usd: '0', project_requests: 0, entity_usd: '0.5', entity_requests: 1 },
    limits: {
      project_monthly_cap_usd: null,
      entity_monthly_cap_usd: '20',
      entity_yearly_cap_usd: null,
      credits_usd: null,
      project_requests: null,
      entity_requests: 4,
    },
  };

  it.each([
    [{}, 'The monthly cap of $20 is reached: $21.00 booked, $0.50 held. There is room again on 1 Dec 2026.'],
    [
      { limit: 'credits', resets_at: null, limits: { ...DENIED.limits, credits_usd: '0' } },
      'The credits are used up: $0.00 left, $0.50 held by requests in flight. There is room when credits are granted.',
    ],
    [
      { limit: 'concurrency', resets_at: null, retryable: true },
      '1 request of acme in flight, 4 at most. Requests in flight hold the rest; there is room when they end.',
    ],
    [
      { mode: 'shadow' as const },
      'The monthly cap of $20 is reached: $21.00 booked, $0.50 held. There is room again on 1 Dec 2026. It was admitted anyway: the mode is shadow.',
    ],
  ])('says which limit, how far, and until when: %j', (more, sentence) => {
    expect(denialSentence({ ...DENIED, ...more })).toBe(sentence);
  });
});
