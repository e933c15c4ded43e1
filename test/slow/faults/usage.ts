/** Usage that is easy to add up: every event costs the same. */
import { anEventBody } from '../../support/builders.js';

/** 150 tokens of the price book's $0.71 per million. */
export const EVENT_PICOS = 150n * 710_000n;

/** Events of an entity's three projects, of now, each with an identity of its own. */
export function usage(entity: string, count: number): Record<string, unknown>[] {
  const time = new Date().toISOString();
  return Array.from({ length: count }, (_, index) =>
    anEventBody({ subject: `${entity}/project${index % 3}`, time }),
  );
}

/** The same events as jobs of several each. */
export function inJobsOf<T>(size: number, events: readonly T[]): T[][] {
  const jobs: T[][] = [];
  for (let start = 0; start < events.length; start += size) jobs.push(events.slice(start, start + size));
  return jobs;
}
