/** The inbox as JSON. */
import { unixSeconds } from '../domain/unix-time.js';
import { COUNT_MAX, LISTED_MAX, sumOf, type InboxContent } from './inbox.js';
import type * as schemas from './inbox.schema.js';
import type { Waiting, WaitingOfCode } from './inbox.sql.js';

export function presentInbox(inbox: InboxContent): schemas.Inbox {
  const { unpricedModels, unreadFields, failingWebhooks, reconciliation, queue } = inbox;
  const body = {
    dead_letters: presentDeadLetters(inbox.deadLetters),
    conflicts: presentWaiting(inbox.conflicts, COUNT_MAX),
    failed_jobs: presentWaiting(inbox.failedJobs, LISTED_MAX),
    unpriced_models: { count: unpricedModels.length, data: [...unpricedModels] },
    unread_fields: { count: unreadFields.length, since: unixSeconds(inbox.since), data: [...unreadFields] },
    failing_webhooks: { count: failingWebhooks.length, data: [...failingWebhooks] },
  };
  const counted = Object.values(body).reduce((sum, { count }) => sum + count, 0);
  const alarms = [
    reconciliation?.ok === false,
    queue === null,
    queue?.isPaused === true,
    queue?.isLate === true,
    (queue?.failed ?? 0) > 0,
  ];
  return {
    object: 'inbox',
    as_of: unixSeconds(inbox.at),
    count: counted + alarms.filter(Boolean).length,
    ...body,
    reconciliation:
      reconciliation === null
        ? null
        : {
            job: reconciliation.jobId,
            at: unixSeconds(reconciliation.at),
            ok: reconciliation.ok,
            checks: [...reconciliation.checks],
          },
    queue:
      queue === null
        ? null
        : {
            waiting: queue.waiting,
            failed: queue.failed,
            paused: queue.isPaused,
            oldest_seconds: queue.oldestSeconds,
            late: queue.isLate,
          },
  };
}

function presentDeadLetters(byCode: readonly WaitingOfCode[]) {
  const ages = byCode.flatMap(({ oldestAt }) => oldestAt ?? []);
  const oldestAt = ages.length === 0 ? null : new Date(Math.min(...ages.map((at) => at.getTime())));
  return {
    ...presentWaiting({ count: sumOf(byCode), oldestAt }, COUNT_MAX),
    codes: byCode.map(({ code, count }) => ({ code, count })),
  };
}

function presentWaiting({ count, oldestAt }: Waiting, max: number) {
  return {
    count: Math.min(count, max),
    has_more: count > max,
    oldest_at: oldestAt === null ? null : unixSeconds(oldestAt),
  };
}
