/** Reports usage over HTTP: for a gateway that has no Redis in common with Tally. */
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox.js';
import type { TallyClient } from './tally-client.js';

/** Nothing tells this side that Tally's Redis has crashed, so what Tally has acknowledged is not kept. */
export function httpReporter(client: TallyClient, options: OutboxOptions = {}): Promise<UsageReporter> {
  return openOutbox(async (events) => (await client.report(events)).rejected, { keepMs: 0, ...options });
}
