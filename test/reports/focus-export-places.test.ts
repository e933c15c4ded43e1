/** Who has the few places for exports. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Period } from '../../src/domain/period.js';
import { FocusExports } from '../../src/reports/focus-exports.js';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { until } from '../support/until.js';
import { recordUsage } from '../support/usage.js';

let app: TestApp;
let exports: FocusExports;
beforeAll(async () => {
  app = await anApp();
  exports = new FocusExports(app.database.lagging, { name: 'Tally', address: null });
  // More than is buffered for a reader who does not read.
  await recordUsage(
    app,
    Array.from({ length: 500 }, (_, index) => anEvent({ subject: `large/project-${index}` })),
  );
});
afterAll(() => app.close());

const open = (entity: string, options: { stalledMsMax?: number } = {}) =>
  exports.open({ period: '2026-11' as Period, entity }, options);

it('one customer has one of the places, so that the other is free', async () => {
  const first = await open('large');
  await expect(open('large')).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
  const other = await open('entity2');
  expect((await text(other)).split('\r\n').length).toBe(2);
  expect((await text(first)).split('\r\n').length).toBeGreaterThan(500);
  await until('the place is free', () => open('large').then((again) => text(again)).then(() => true, () => false)); // prettier-ignore
});

it('a reader that takes nothing loses its place', async () => {
  const stalled = await open('large', { stalledMsMax: 20 });
  const ended = once(stalled, 'error');
  stalled.read(1);
  expect(await ended).toEqual([new Error('nobody reads the export')]);
  await until('the place is free', () => open('large').then((again) => text(again)).then(() => true, () => false)); // prettier-ignore
});
