/** Reports usage over HTTP: for a gateway that has no Redis in common with Tally. */
import { Outbox, type OutboxOptions, type UsageReporter } from './outbox.js';
import type { TallyClient } from './tally-client.js';

export function httpReporter(
  client: TallyClient,
  options: Omit<OutboxOptions, 'deliver'> = {},
): UsageReporter {
  return new Outbox({
    ...options,
    deliver: async (events) => (await client.report(events)).rejected,
  });
}
