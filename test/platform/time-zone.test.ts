import { expect, it } from '@jest/globals';
import { anApp } from '../support/app.js';
import { corePath, TURN } from '../support/core-path.js';
import { TestClock } from '../support/test-clock.js';

async function seenIn(timezone: string): Promise<Record<string, unknown>> {
  const app = await anApp({ role: 'all', clock: new TestClock(new Date(TURN)), postgres: { timezone } });
  try {
    return await corePath(app);
  } finally {
    await app.close();
  }
}

it('a database in New York has the months, days, hours and sums of one in UTC', async () => {
  const seen = await seenIn('UTC');
  expect(seen).toMatchObject({ reserved: [201, '2026-11', '0.00071'], differing: [] });
  expect(await seenIn('America/New_York')).toEqual(seen);
});
