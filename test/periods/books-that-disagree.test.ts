import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { bookkeepingOver } from '../support/services.js';
import { tampered } from '../support/tampering.js';
import { TestClock } from '../support/test-clock.js';
import { recordUsage } from '../support/usage.js';

const STATEMENT = 'GET /v1/entities/entity1/statements/2026-11';
const USAGE = 'GET /v1/entities/entity1/usage?start_time=1793491200&end_time=1796083200';

/** By $0.007. */
const raised = (column: string): string => `${column} = ${column} + 7000000000`;

describe('of books that disagree', () => {
  const clock = new TestClock();
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp({ clock });
    clock.set('2026-11-22T12:00:00Z');
    await app.call('PUT /v1/admin/entities/entity1', { body: { plan: 'pro' } });
    await recordUsage(app, [
      anEvent({ occurredAt: new Date('2026-11-03T08:00:00Z'), quantities: { input: 1_000_000 } }),
    ]);
  });
  afterAll(() => app.close());

  const whileChanged = <T>(table: string, change: string, look: () => Promise<T>): Promise<T> =>
    tampered(app.postgres, {
      tables: [table],
      statements: [`update ${table} set ${change} where entity = 'entity1'`],
      look,
    });
  const refusalOf = async (request: string, accept = 'application/json') => {
    const { status, body } = await app.call(request, { headers: { accept } });
    return [status, body.error.code, body.error.message];
  };
  const refusal = (message: string) => [409, 'books_differ', expect.stringContaining(message)];

  it.each(['application/json', 'text/html', 'application/pdf'])(
    'no statement is made as %s: the refusal says by how much, and what to do',
    async (accept) => {
      const change = `${raised('overage_picos')}, ${raised('cost_picos')}`;
      expect(await whileChanged('entity_spend', change, () => refusalOf(STATEMENT, accept))).toEqual([
        409,
        'books_differ',
        'the books disagree by $0.007: the sum of the charges of entity1 in 2026-11 is $0.71, and its overage is $0.717. ' +
          'An admin has to reconcile them (GET /v1/admin/reconciliation) and repair what differs (POST /v1/admin/reconciliation/repair)',
      ]);
    },
  );

  it('neither a statement nor a report is made of usage that does not cost what its prices say', async () => {
    const answers = await whileChanged('usage_hourly', raised('cost_picos'), async () => [
      await refusalOf(STATEMENT),
      await refusalOf(USAGE),
    ]);
    const expected = refusal('by $0.007: usage at its unit prices is $0.71, and its cost is $0.717.');
    expect(answers).toEqual([expected, expected]);
  });

  describe('once the month is closed', () => {
    beforeEach(async () => {
      clock.set('2026-12-04T00:00:00Z');
      await bookkeepingOver({ database: app.database, clock }).periods.closePeriods();
    });

    it.each([
      [['overage_picos', 'cost_picos'], 'in 2026-11 is $0.71, and the total frozen at its close is $0.717.'],
      [
        ['closing_picos', 'opening_picos'],
        'at the end of 2026-11 is $0, and the balance frozen at its close is $0.007.',
      ],
    ])('no statement is made of another total: %j', async (columns, message) => {
      const change = columns.map(raised).join(', ');
      expect(await whileChanged('closed_periods', change, () => refusalOf(STATEMENT))).toEqual(
        refusal(message),
      );
    });
  });
});
