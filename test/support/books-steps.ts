/** What may happen to an entity's books, drawn at random. */
import fc from 'fast-check';

export type Step =
  | { readonly do: 'record'; readonly tokens: readonly number[]; readonly hoursAgo: number }
  | { readonly do: 'repeat' | 'void' | 'void grant' | 'freeze' | 'unfreeze'; readonly which: number }
  | { readonly do: 'take back'; readonly which: number; readonly percent: bigint; readonly refund: boolean }
  | { readonly do: 'rerate'; readonly price: number }
  | {
      readonly do: 'grant';
      readonly amount: number;
      readonly priority: number;
      readonly days: number | null;
      readonly startHours: number | null;
    }
  | { readonly do: 'wait'; readonly hours: number }
  | { readonly do: 'upkeep' | 'close' };

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      tokens: fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 4 }),
      hoursAgo: fc.constantFrom(0, 5, 24 * 3, 24 * 20),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('void' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('void grant' as const, 'freeze' as const, 'unfreeze' as const),
      which: fc.nat(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('take back' as const),
      which: fc.nat(),
      percent: fc.bigInt({ min: 1n, max: 100n }),
      refund: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('rerate' as const), price: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('grant' as const),
      amount: fc.integer({ min: 1, max: 5_000 }),
      priority: fc.constantFrom(1, 50, 90),
      days: fc.option(fc.integer({ min: 1, max: 40 })),
      startHours: fc.constantFrom(null, null, -24 * 10, -4, 20),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), hours: fc.constantFrom(1, 20, 72, 24 * 9) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('upkeep' as const, 'close' as const) }) },
);
