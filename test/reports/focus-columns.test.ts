import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { METERS } from '../../src/domain/meters.js';
import { grantRow, usageRows } from '../../src/reports/focus-columns.js';
import { checkFocus, picosOf, readFocus, sumPicos } from '../support/focus-checker.js';
import { aMovement, aUsage, csvOf, PERIOD } from '../support/focus-rows.js';

describe('a day of usage', () => {
  it('is a row for each meter, billed and effective at its cost where no credits paid', () => {
    const rows = usageRows(aUsage(), PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(
      rows.map((row) => [row.SkuMeter, row.ConsumedQuantity, row.PricingQuantity, row.ListUnitPrice]),
    ).toEqual([
      ['Input Tokens', '300', '0.0003', '0.71'],
      ['Cache Read Input Tokens', '512', '0.000512', '0.35'],
      ['Output Tokens', '204', '0.000204', '0.71'],
    ]);
    expect(rows[0]).toMatchObject({
      BilledCost: '0.000213',
      EffectiveCost: '0.000213',
      BillingAccountId: 'entity1',
      SubAccountId: 'project1',
      ConsumedUnit: 'Tokens',
      PricingUnit: '1000000 Tokens',
      ServiceCategory: 'AI and Machine Learning',
      SkuId: 'llama-input',
      SkuPriceId: 'llama-input-r9',
      x_PriceId: '7',
      x_RateId: '9',
      x_ServiceTier: 'default',
      ChargePeriodStart: '2026-11-22T00:00:00Z',
      ChargePeriodEnd: '2026-11-23T00:00:00Z',
      BillingPeriodStart: '2026-11-01T00:00:00Z',
      BillingPeriodEnd: '2026-12-01T00:00:00Z',
      ChargeClass: null,
    });
  });

  it('is billed at 0 where bought credits paid all of it, and stays effective', () => {
    const usage = aUsage();
    const rows = usageRows({ ...usage, paidBurntPicos: usage.costPicos }, PERIOD);
    expect(rows.map((row) => row.BilledCost)).toEqual(['0', '0', '0']);
    expect(rows.reduce((sum, row) => sum + picosOf(row.EffectiveCost), 0n)).toBe(usage.costPicos);
  });

  it('paid by promotional credits is full cost and one credit of the opposite amount', () => {
    const rows = usageRows(aUsage({ promotionalBurntPicos: 1_000_001n }), PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows.map((row) => row.ChargeCategory)).toEqual(['Usage', 'Usage', 'Usage', 'Credit']);
    expect(rows[3]).toMatchObject({
      BilledCost: '-0.000001000001',
      EffectiveCost: '-0.000001000001',
      SkuId: null,
    });
  });

  it('without a price shows its quantity, no price, and says so', () => {
    const rows = usageRows(aUsage({ rateId: 0n, priceId: null, unitPrices: null, costPicos: 0n }), PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows[0]).toMatchObject({
      ConsumedQuantity: '300',
      BilledCost: '0',
      ListUnitPrice: null,
      ContractedUnitPrice: null,
      SkuPriceId: null,
      x_IsUnpriced: 'true',
    });
  });

  it('has units, SKUs and prices of its meters, also of those that are no tokens, and leaves out prices that are missing', () => {
    const unitPrices = {
      input: 3_000_000n,
      cache_write: 3_750_000n,
      cache_write_1h: 6_000_000n,
      input_audio: 40_000_000n,
      output: 15_000_000n,
      reasoning: 20_000_000n,
      search: 10n ** 10n,
      request: 10n ** 9n,
      input_second: 100_000_000n,
      input_character: 30_000_000n,
    };
    const quantities = {
      input: 1n,
      cache_write: 2n,
      cache_write_1h: 3n,
      input_audio: 4n,
      output: 5n,
      reasoning: 6n,
      search: 7n,
      input_second: 8n,
      input_character: 9n,
      page: 10n,
    };
    const costPicos =
      3_000_000n + 7_500_000n + 18_000_000n + 160_000_000n + 75_000_000n + 120_000_000n + 7n * 10n ** 10n +
      2n * 10n ** 9n + 800_000_000n + 270_000_000n; // prettier-ignore
    const usage = aUsage({ requests: 2n, quantities, unitPrices, costPicos, serviceTier: 'batch' });
    const rows = usageRows(usage, PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(
      rows.map((row) => [
        row.SkuId,
        row.SkuMeter,
        row.ConsumedQuantity,
        row.ConsumedUnit,
        row.PricingQuantity,
        row.ListUnitPrice,
        row.BilledCost,
      ]),
    ).toEqual([
      ['llama-input', 'Input Tokens', '1', 'Tokens', '0.000001', '3', '0.000003'],
      ['llama-cache-write', 'Cache Write Input Tokens', '2', 'Tokens', '0.000002', '3.75', '0.0000075'],
      [
        'llama-cache-write-1h',
        'Cache Write Input Tokens (1 Hour)',
        '3',
        'Tokens',
        '0.000003',
        '6',
        '0.000018',
      ],
      ['llama-input-audio', 'Audio Input Tokens', '4', 'Tokens', '0.000004', '40', '0.00016'],
      ['llama-output', 'Output Tokens', '5', 'Tokens', '0.000005', '15', '0.000075'],
      ['llama-reasoning', 'Reasoning Output Tokens', '6', 'Tokens', '0.000006', '20', '0.00012'],
      ['llama-request', 'Requests', '2', 'Requests', '2', '0.001', '0.002'],
      ['llama-search', 'Web Searches', '7', 'Web Searches', '7', '0.01', '0.07'],
      ['llama-page', 'Pages', '10', 'Pages', '10', null, '0'],
      ['llama-input-second', 'Input Seconds', '8', 'Seconds', '8', '0.0001', '0.0008'],
      ['llama-input-character', 'Input Characters', '9', 'Characters', '0.000009', '30', '0.00027'],
    ]);
    expect(rows.reduce((sum, row) => sum + picosOf(row.BilledCost), 0n)).toBe(costPicos);
    expect(new Set(rows.map((row) => row.x_ServiceTier))).toEqual(new Set(['batch']));
  });

  it('of an earlier month is a correction, even a negative one', () => {
    const usage = aUsage();
    const voided = aUsage({
      day: new Date('2026-10-03T00:00:00Z'),
      quantities: { input: -300n, cached_input: -512n, output: -204n },
      costPicos: -usage.costPicos,
      paidBurntPicos: -7n,
    });
    const rows = usageRows(voided, PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows.every((row) => row.ChargeClass === 'Correction')).toBe(true);
    expect(rows.reduce((sum, row) => sum + picosOf(row.BilledCost), 0n)).toBe(7n - usage.costPicos);
  });

  it('keeps who paid even where late and voided usage cancel out', () => {
    const rows = usageRows(
      aUsage({
        day: new Date('2026-10-03T00:00:00Z'),
        quantities: {},
        costPicos: 0n,
        paidBurntPicos: 5n,
      }),
      PERIOD,
    );
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows.map((row) => [row.BilledCost, row.EffectiveCost])).toEqual([['-0.000000000005', '0']]);
  });

  it('under an agreed price shows the list price beside it', () => {
    const rows = usageRows(
      aUsage({ listUnitPrices: { input: 1_000_000n, cached_input: 500_000n, output: 1_000_000n } }),
      PERIOD,
    );
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows[0]).toMatchObject({
      ListCost: '0.0003',
      ListUnitPrice: '1',
      ContractedCost: '0.000213',
      ContractedUnitPrice: '0.71',
    });
  });

  it('has another SKU price where the list price beside an agreed one has changed', () => {
    const under = (listPicos: bigint) =>
      usageRows(
        aUsage({ listUnitPrices: { input: listPicos, cached_input: 350_000n, output: listPicos } }),
        PERIOD,
      );
    const rows = [...under(1_000_000n), ...under(2_000_000n), ...under(710_000n)];
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows.filter((row) => row.SkuId === 'llama-input').map((row) => row.SkuPriceId)).toEqual([
      'llama-input-r9-list-1000000',
      'llama-input-r9-list-2000000',
      'llama-input-r9',
    ]);
  });

  it('carries a change of who paid on a meter that has a price', () => {
    const usage = aUsage({ quantities: { page: 3n }, costPicos: 0n, paidBurntPicos: 5n });
    const rows = usageRows(usage, PERIOD);
    expect(checkFocus(csvOf(rows))).toEqual([]);
    expect(rows.map((row) => [row.SkuId, row.ConsumedQuantity, row.BilledCost])).toEqual([
      ['llama-input', '0', '-0.000000000005'],
      ['llama-page', '3', '0'],
    ]);
  });

  it('conforms and loses no picodollar, whatever it is made of', () => {
    const quantity = fc.bigInt({ min: 0n, max: 10n ** 13n });
    const price = fc.bigInt({ min: 0n, max: 10n ** 10n });
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...METERS), quantity),
        fc.dictionary(fc.constantFrom(...METERS), price),
        fc.nat(1000),
        fc.nat(1000),
        fc.string({ unit: 'binary', minLength: 1 }),
        (quantities, unitPrices: Record<string, bigint>, paidParts, promotionalParts, model) => {
          const { request: _counted, ...counted } = quantities;
          const used = Object.entries({ ...counted, request: 3n });
          const costPicos = used.reduce((sum, [meter, used]) => sum + used * (unitPrices[meter] ?? 0n), 0n);
          const paidBurntPicos = (costPicos * BigInt(paidParts)) / 1000n;
          const promotionalBurntPicos = ((costPicos - paidBurntPicos) * BigInt(promotionalParts)) / 1000n;
          const usage = aUsage({
            model: `m${model.replace(/[\p{Cc}\p{Cs}]/gu, '')}`,
            requests: 3n,
            quantities: counted,
            unitPrices,
            costPicos,
            paidBurntPicos,
            promotionalBurntPicos,
          });
          const csv = csvOf(usageRows(usage, PERIOD));
          const rows = readFocus(csv);
          expect(checkFocus(csv)).toEqual([]);
          expect(sumPicos(rows, 'BilledCost')).toBe(costPicos - paidBurntPicos - promotionalBurntPicos);
          expect(sumPicos(rows, 'EffectiveCost')).toBe(costPicos - promotionalBurntPicos);
          const usageOnly = rows.filter((row) => row['ChargeCategory'] === 'Usage');
          expect(usageOnly.every((row) => picosOf(row['BilledCost']) >= 0n)).toBe(true);
        },
      ),
    );
  });
});

describe('bought credits', () => {
  it('are a purchase that is billed now and effective later', () => {
    const row = grantRow(aMovement({ expiresAt: new Date('2027-11-22T00:00:00.001Z') }), PERIOD);
    expect(checkFocus(csvOf([row]))).toEqual([]);
    expect(row).toMatchObject({
      ChargeCategory: 'Purchase',
      ChargeFrequency: 'One-Time',
      BilledCost: '500',
      EffectiveCost: '0',
      PricingQuantity: '500',
      PricingUnit: 'USD',
      ListUnitPrice: '1',
      ConsumedQuantity: null,
      ChargePeriodStart: '2026-11-22T12:00:00Z',
      ChargePeriodEnd: '2027-11-22T00:00:01Z',
    });
  });

  it('that never expire are charged in the month in which they take effect', () => {
    const row = grantRow(aMovement({ effectiveAt: new Date('2026-12-31T23:59:59.999Z') }), PERIOD);
    expect([row.ChargePeriodStart, row.ChargePeriodEnd]).toEqual([
      '2026-12-31T23:59:59Z',
      '2027-01-01T00:00:00Z',
    ]);
  });

  it.each(['expiry', 'void'] as const)(
    'that end by %s are effective at last, and billed no second time',
    (kind) => {
      const row = grantRow(aMovement({ kind, amountPicos: 1n }), PERIOD);
      expect(checkFocus(csvOf([row]))).toEqual([]);
      expect(row).toMatchObject({
        ChargeCategory: 'Adjustment',
        BilledCost: '0',
        EffectiveCost: '0.000000000001',
      });
    },
  );
});
