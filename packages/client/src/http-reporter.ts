/** Reports usage over HTTP: for a gateway that cannot reach Tally's Redis. */
import { openOutbox, type OutboxOptions, type UsageReporter } from './outbox/outbox.js';
import type { TallyClient } from './tally-client.js';

/**
 * Rejects with `outbox_locked` while another process uses `options.directory`. Over HTTP nothing tells when Tally's Redis has
 * crashed, so what Tally has acknowledged is not sent again.
 */
export function httpReporter(client: TallyClient, options: OutboxOptions = {}): Promise<UsageReporter> {
  return openOutbox(async (events) => (await client.report(events)).rejected, { keepMs: 0, ...options });
}
