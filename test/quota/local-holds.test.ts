import { describe, expect, it } from '@jest/globals';
import { periodOf } from '../../src/domain/period.js';
import { LocalHolds } from '../../src/quota/local-holds.js';
import { aSubject, NOON, usd } from '../support/quota.js';

const NOW_MS = 1_000_000;
const FULL = 100_000;

describe('the holds of one process', () => {
  it('make room once they have expired, even for entities that nobody asks about again', () => {
    const holds = new LocalHolds();
    for (let index = 0; index < FULL; index += 1) {
      holds.put({
        id: `r${index}`,
        subject: aSubject(`gone${index % 1_000}/p`),
        model: 'm',
        fallbacks: [],
        inputTokens: 1,
        inputBytes: null,
        inputCount: 1,
        outputCount: 1,
        requestId: null,
        sinceMs: NOW_MS,
        maxOutputTokens: null,
        serviceTier: null,
        region: null,
        holdPicos: usd('1'),
        period: periodOf(NOON),
        expiresMs: NOW_MS + (index % 2 === 0 ? 1 : 60_000),
      });
    }
    expect(holds.isFull(NOW_MS)).toBe(true);
    expect(holds.isFull(NOW_MS + 2_000)).toBe(false);
    expect(holds.held(aSubject('gone0/p'), NOW_MS + 2_000).entity.count).toBe(0);
    expect(holds.held(aSubject('gone1/p'), NOW_MS + 2_000).entity.count).toBe(100);
  });
});
