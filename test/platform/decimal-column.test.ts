import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintOf, bigintOrNull, decimalOf, decimalOrNull } from '../../src/platform/decimal-column.js';
import { Database } from '../../src/platform/database.js';
import { aDatabase, type TestDatabase } from '../support/database.js';

const LARGEST = 10n ** 38n - 1n;

let postgres: TestDatabase;
let database: Database;
beforeAll(async () => {
  postgres = await aDatabase();
  database = new Database({ url: postgres.url });
});
afterAll(async () => {
  await database.close();
  await postgres.drop();
});

describe('an amount in a NUMERIC(38,0) column', () => {
  it('is the same bigint on the way back, for every amount that the column holds', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -LARGEST, max: LARGEST }), (amount) => {
        expect(bigintOf(decimalOf(amount))).toBe(amount);
      }),
    );
    expect([bigintOrNull(null), decimalOrNull(null)]).toEqual([null, null]);
  });

  it('keeps 38 digits through Postgres', async () => {
    const plan = {
      name: 'largest',
      monthlyCapPicos: decimalOf(LARGEST),
      overage: 'blocked',
      monthlyCreditPicos: decimalOf(LARGEST - 1n),
    };
    await database.reader.plan.create({ data: plan });
    const found = await database.reader.plan.findUniqueOrThrow({ where: { name: 'largest' } });
    expect(bigintOrNull(found.monthlyCapPicos)).toBe(LARGEST);
    expect(bigintOf(found.monthlyCreditPicos)).toBe(LARGEST - 1n);
  });
});
