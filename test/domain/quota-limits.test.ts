import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NANOS_MAX } from '@tally/client/protocol';
import { denialOf, type Denial } from '../../src/domain/quota-denial.js';
import { decide, LIMITS, remainingOf, type Question } from '../../src/domain/quota-limits.js';
import { anEntityQuota, aProjectQuota, usd } from '../support/quota.js';

const NOTHING_HELD = { entity: { nanos: 0, count: 0 }, project: { nanos: 0, count: 0 } };

const MONTH_END = Date.UTC(2026, 11, 1) / 1_000;
const YEAR_END = Date.UTC(2027, 0, 1) / 1_000;

function aQuestion(override: {
  entity?: Parameters<typeof anEntityQuota>[0];
  project?: Parameters<typeof aProjectQuota>[0];
  entityHeld?: { nanos?: number; count?: number };
  projectHeld?: { nanos?: number; count?: number };
}): Question {
  return {
    entity: anEntityQuota(override.entity),
    project: aProjectQuota(override.project),
    holds: {
      entity: { nanos: 0, count: 0, ...override.entityHeld },
      project: { nanos: 0, count: 0, ...override.projectHeld },
    },
  };
}

/** The denial that the decision leads to, or null where it admits. */
function denial(question: Question, holdPicos: bigint | null): Denial | null {
  const exceeded = decide(question, holdPicos);
  return exceeded === null ? null : denialOf(question, exceeded);
}

/** Every limit is exceeded: no room anywhere. */
const NO_ROOM = {
  entity: {
    maxConcurrentRequests: 0,
    monthlyCapPicos: 0n,
    yearlyCapPicos: 0n,
    overage: 'blocked' as const,
    creditsPicos: 0n,
  },
  project: { maxConcurrentRequests: 0, monthlyCapPicos: 0n },
};

describe('a quota decision', () => {
  it('checks the project before the entity, requests before money, and credits last', () => {
    const lifted = [
      () => (question.project = { ...question.project, maxConcurrentRequests: null }),
      () => (question.entity = { ...question.entity, maxConcurrentRequests: null }),
      () => (question.project = { ...question.project, monthlyCapPicos: null }),
      () => (question.entity = { ...question.entity, monthlyCapPicos: null }),
      () => (question.entity = { ...question.entity, yearlyCapPicos: null }),
      () => (question.entity = { ...question.entity, overage: 'allowed' as const }),
    ];
    const question = { ...aQuestion(NO_ROOM) };
    const seen = lifted.map((lift) => {
      const denied = denial(question, usd('1'));
      lift();
      return `${denied?.limit} of ${denied?.scope}`;
    });
    expect(seen).toEqual([
      'concurrency of entity1/project1',
      'concurrency of entity1',
      'project_monthly_cap of entity1/project1',
      'entity_monthly_cap of entity1',
      'entity_yearly_cap of entity1',
      'credits of entity1',
    ]);
    expect(denial(question, usd('1'))).toBeNull();
  });

  it('allows what reaches a limit exactly and denies one nanodollar more, for every limit of money', () => {
    const atTen = [
      { project: { monthCostPicos: usd('4'), monthlyCapPicos: usd('10') }, projectHeld: { nanos: 1e9 } },
      { entity: { monthCostPicos: usd('4'), monthlyCapPicos: usd('10') }, entityHeld: { nanos: 1e9 } },
      { entity: { yearCostPicos: usd('4'), yearlyCapPicos: usd('10') }, entityHeld: { nanos: 1e9 } },
      { entity: { overage: 'blocked' as const, creditsPicos: usd('6') }, entityHeld: { nanos: 1e9 } },
    ];
    for (const override of atTen) {
      expect(denial(aQuestion(override), usd('5'))).toBeNull();
      expect(denial(aQuestion(override), usd('5.000000001'))).toMatchObject({ retryable: true });
      expect(denial(aQuestion(override), usd('6'))).toMatchObject({ retryable: true });
      expect(denial(aQuestion(override), usd('6.000000001'))).toMatchObject({ retryable: false });
    }
  });

  it('says that waiting helps exactly where the request alone would fit', () => {
    const full = { entity: { maxConcurrentRequests: 2 }, entityHeld: { count: 2 } };
    expect(denial(aQuestion(full), 0n)).toEqual({
      limit: 'concurrency',
      scope: 'entity1',
      retryable: true,
      inFlightCount: 2,
      limitCount: 2,
      resetsAt: null,
      nextHold: null,
    });
    expect(denial(aQuestion({ ...full, entityHeld: { count: 1 } }), 0n)).toBeNull();
    expect(denial(aQuestion({ entity: { maxConcurrentRequests: 0 } }), 0n)).toMatchObject({
      retryable: false,
    });
  });

  it('admits an unknown cost exactly where spend and holds leave any room', () => {
    const booked = (cost: string, heldNanos: number) =>
      denial(
        aQuestion({
          entity: { monthlyCapPicos: usd('10'), monthCostPicos: usd(cost) },
          entityHeld: { nanos: heldNanos },
        }),
        null,
      );
    expect(booked('9.999999999', 0)).toBeNull();
    expect(booked('10', 0)).toMatchObject({ limit: 'entity_monthly_cap', retryable: false });
    expect(booked('9', 999_999_999)).toBeNull();
    expect(booked('9', 1_000_000_000)).toMatchObject({ limit: 'entity_monthly_cap', retryable: true });
    expect(denial(aQuestion({ entity: { overage: 'blocked' } }), null)).toMatchObject({ limit: 'credits' });
  });

  it('admits a request that costs nothing while no limit is exceeded, even without credits', () => {
    expect(denial(aQuestion({ entity: { overage: 'blocked' } }), 0n)).toBeNull();
    const overdrawn = { entity: { monthlyCapPicos: usd('1'), monthCostPicos: usd('1.000001') } };
    expect(denial(aQuestion(overdrawn), 0n)).toMatchObject({ limit: 'entity_monthly_cap', retryable: false });
  });

  it('says what is spent and held under a limit, and when it resets', () => {
    const question = aQuestion({
      entity: {
        monthCostPicos: usd('3'),
        monthlyCapPicos: usd('4'),
        yearCostPicos: usd('30'),
        yearlyCapPicos: usd('31'),
        creditsPicos: usd('0.5'),
      },
      project: { monthCostPicos: usd('1'), monthlyCapPicos: usd('2') },
      entityHeld: { nanos: 2e9 },
      projectHeld: { nanos: 1e9 },
    });
    const figures = (limit: (typeof LIMITS)[number]) => denialOf(question, { limit, retryable: true });
    expect(figures('project_monthly_cap')).toMatchObject({
      spentPicos: usd('1'),
      limitPicos: usd('2'),
      heldPicos: usd('1'),
      resetsAt: MONTH_END,
    });
    expect(figures('entity_monthly_cap')).toMatchObject({
      spentPicos: usd('3'),
      limitPicos: usd('4'),
      heldPicos: usd('2'),
      resetsAt: MONTH_END,
    });
    expect(figures('entity_yearly_cap')).toMatchObject({
      spentPicos: usd('30'),
      limitPicos: usd('31'),
      heldPicos: usd('2'),
      resetsAt: YEAR_END,
    });
    expect(figures('credits')).toMatchObject({
      spentPicos: 0n,
      limitPicos: usd('0.5'),
      heldPicos: usd('2'),
      resetsAt: null,
    });
  });

  it('says what other holds leave, under the tighter of two caps, and null where there is no limit', () => {
    expect(remainingOf(aQuestion({}))).toEqual({
      creditsPicos: null,
      projectCapPicos: null,
      entityCapPicos: null,
    });
    const question = aQuestion({
      entity: {
        overage: 'blocked',
        creditsPicos: usd('1'),
        monthCostPicos: usd('3'),
        monthlyCapPicos: usd('10'),
        yearCostPicos: usd('96'),
        yearlyCapPicos: usd('100'),
      },
      project: { monthlyCapPicos: usd('5') },
      entityHeld: { nanos: 2e9 },
      projectHeld: { nanos: 1e9 },
    });
    expect(remainingOf(question)).toEqual({
      creditsPicos: 0n,
      projectCapPicos: usd('4'),
      entityCapPicos: usd('2'),
    });
  });

  it('admits beside other holds what it admits alone, or says that waiting helps, and admits no more beside more holds', () => {
    const amount = fc.bigInt({ min: 0n, max: usd('20') });
    const nanos = fc.integer({ min: 0, max: 20_000_000_000 });
    fc.assert(
      fc.property(amount, amount, nanos, nanos, (capPicos, holdPicos, heldNanos, moreNanos) => {
        const withHeld = (held: number) =>
          denial(
            aQuestion({ entity: { monthlyCapPicos: capPicos }, entityHeld: { nanos: held } }),
            holdPicos,
          );
        const alone = withHeld(0);
        const beside = withHeld(heldNanos);
        expect(beside?.retryable ?? alone === null).toBe(alone === null);
        expect(beside === null || withHeld(heldNanos + moreNanos) !== null).toBe(true);
      }),
    );
  });

  it('never admits two holds of more than nine million dollars together', () => {
    const question = aQuestion({ entity: { monthlyCapPicos: usd('900000000000') } });
    expect(denial(question, usd('800000000000'))).toBeNull();
    expect(
      denial({ ...question, holds: { ...NOTHING_HELD, entity: { nanos: NANOS_MAX, count: 1 } } }, 1n),
    ).toMatchObject({ retryable: true });
  });
});
