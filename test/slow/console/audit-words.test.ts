/** What the console says of an entry of the audit log. Without a browser. */
import { describe, expect, it } from '@jest/globals';
import { ACTIONS } from '../../../packages/console/src/pages/audit/actions.js';
import { changesOf, changesText, headlineOf } from '../../../packages/console/src/pages/audit/entry-words.js';

const lines = (entry: { action: string; before: unknown; after: unknown }) =>
  changesOf(entry).map(
    ({ field, before, after }) => `${field}: ${before === null ? '' : `${before} → `}${after}`,
  );

describe('an entry of the audit log in words', () => {
  it.each([
    ['credits.grant', { amount_picos: '500000000000000', category: 'paid' }, 'Bought $500.00 of credits'],
    ['credits.grant', { amount_picos: '25000000000000', category: 'promotional' }, 'Gave $25.00 of credits'],
    ['credits.void', { taken_picos: '1500000000000' }, 'Took back $1.50 of credits'],
    ['credits.refund', { taken_picos: '2000000000000' }, 'Refunded $2.00 of credits'],
    ['entities.put', { plan: 'pro' }, 'Plan set to pro'],
    ['keys.create', { name: 'Ada' }, 'Key made'],
    ['something.new', {}, 'something.new'],
  ])('%s %j is “%s”', (action, after, words) => {
    expect(headlineOf({ action, before: null, after })).toBe(words);
  });

  it('of credits that were bought, only what is set and not in the headline is a line', () => {
    const after = {
      amount_picos: '500000000000000',
      category: 'paid',
      priority: 50,
      effective_at: '2026-11-22T12:00:00.000Z',
      expires_at: '2027-11-22T00:00:00.000Z',
      reference: 'inv_42',
      note: null,
    };
    expect(lines({ action: 'credits.grant', before: null, after })).toEqual([
      'Expires: 22 Nov 2027, 00:00 UTC',
      'Reference: inv_42',
    ]);
  });

  it('amounts are dollars, and the lack of a limit is “no limit”', () => {
    const before = { monthly_cap_usd: null, overage: 'blocked', quota_mode: 'enforce' };
    const after = { monthly_cap_usd: '1250.5', overage: 'allowed', quota_mode: 'shadow' };
    expect(lines({ action: 'limits.change', before, after })).toEqual([
      'Monthly cap: no limit → $1,250.50',
      'When credits are gone: requests are refused → requests go on as overage',
      'Mode: limits refuse requests → shadow: limits are noted alone',
    ]);
  });

  it('in a file all that changed stands in one cell', () => {
    const before = { monthly_cap_usd: '100', overage: 'blocked' };
    const after = { monthly_cap_usd: '120', overage: 'allowed' };
    expect(changesText({ action: 'limits.change', before, after })).toBe(
      'Monthly cap: $100 → $120; When credits are gone: requests are refused → requests go on as overage',
    );
  });

  it('the limits that a customer has for itself are named in words', () => {
    const [before, after] = [{ own_limits: [] }, { own_limits: ['monthly_cap_usd', 'overage'] }];
    expect(lines({ action: 'limits.change', before, after })).toEqual([
      'Limits of its own: none → Monthly cap, When credits are gone',
    ]);
  });

  it.each(ACTIONS)('no line of %s names a field of the log', (action) => {
    const before = { remaining_picos: '1', frozen_at: null };
    const after = { remaining_picos: '0', frozen_at: '2026-11-22T12:00:00.000Z' };
    expect(lines({ action, before, after }).join()).not.toMatch(/_|picos/);
  });
});
