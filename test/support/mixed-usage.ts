/** One event of many meters and one that the batch tier served, under a price that leaves one of the meters out. */
import type { QuantitySums } from '../../src/domain/meters.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import { anEvent } from './builders.js';
import type { TestApp } from './app.js';
import { recordUsage } from './usage.js';

export const MIXED = 'mixed/model';

/** For POST /v1/admin/prices. Nothing here prices pages. */
export const MIXED_PRICE = {
  model: MIXED,
  effective_from: '2026-11-01',
  input_usd_per_million: '3',
  cached_input_usd_per_million: '0.3',
  cache_write_usd_per_million: '3.75',
  cache_write_1h_usd_per_million: '6',
  input_audio_usd_per_million: '40',
  output_usd_per_million: '15',
  reasoning_usd_per_million: '20',
  search_usd: '0.01',
  request_usd: '0.001',
  variants: [{ when: { service_tier: 'batch' }, multiplier: '0.5' }],
};

const QUANTITIES = {
  input: 1_000,
  cached_input: 2_000,
  cache_write: 300,
  cache_write_1h: 400,
  input_audio: 50,
  output: 600,
  reasoning: 70,
  search: 3,
  page: 2,
};

/** By hand: quantity × price in dollars, of the default tier and of the batch tier. */
export const MIXED_LINES = {
  default: [
    ['input', 1_000, '0.003'],
    ['cached_input', 2_000, '0.0006'],
    ['cache_write', 300, '0.001125'],
    ['cache_write_1h', 400, '0.0024'],
    ['input_audio', 50, '0.002'],
    ['output', 600, '0.009'],
    ['reasoning', 70, '0.0014'],
    ['request', 1, '0.001'],
    ['search', 3, '0.03'],
    ['page', 2, '0'],
  ],
  batch: [
    ['input', 1_000, '0.0015'],
    ['output', 100, '0.00075'],
    ['request', 1, '0.0005'],
  ],
} as const;

export const MIXED_COST_USD = { default: '0.050525', batch: '0.00275', both: '0.053275' };

/** Publishes the price, and records both events of `entity/p`, the one of many meters first. */
export async function recordMixedUsage(app: TestApp, entity: string): Promise<[UsageEvent, UsageEvent]> {
  const published = await app.call('POST /v1/admin/prices', { body: MIXED_PRICE });
  if (published.status !== 201 && published.status !== 409) throw new Error(published.text);
  const common = { subject: `${entity}/p`, model: MIXED, apiKeyId: 'key_1', userId: 'u_1' };
  const events: [UsageEvent, UsageEvent] = [
    anEvent({ ...common, quantities: QUANTITIES }),
    anEvent({ ...common, quantities: { input: 1_000, output: 100 }, serviceTier: 'batch' }),
  ];
  await recordUsage(app, events);
  return events;
}

/** The same as sums, without the request. */
export const MIXED_SUMS: QuantitySums = Object.fromEntries(
  Object.entries(QUANTITIES).map(([meter, quantity]) => [meter, BigInt(quantity)]),
);
