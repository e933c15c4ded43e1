/** `tally queue`: whether usage is counted; stops and starts counting. */
import type { Command } from 'commander';
import { count, plural } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { change, type ChangeOptions } from '../change.js';
import { action, asks, command } from '../grammar.js';
import type { Output } from '../shown/output.js';
import { duration } from '../times.js';

export function addQueueCommands(program: Command): void {
  const queue = command(program, 'queue', {
    summary: 'Show what waits on the usage queues, since when, and whose it is',
    examples: ['queue', 'queue --json | jq .oldest_seconds', 'queue pause'],
  });
  action(queue, async ({ session: { api, out } }) => {
    const shown = await answerOf(api.GET('/v1/admin/queue'));
    out.answer(shown, () => writeQueue(out, shown));
  });
  addPausing(queue, 'pause');
  addPausing(queue, 'resume');
}

function addPausing(queue: Command, verb: 'pause' | 'resume'): void {
  const isPause = verb === 'pause';
  const made = asks(
    command(queue, verb, {
      summary: isPause ? 'Stop counting usage; what comes waits' : 'Count usage again, oldest first',
      ...(isPause && {
        more: 'Workers finish what they are at. Requests are still decided, by what is counted and held so far.',
      }),
      examples: [`queue ${verb}`, `queue ${verb} --yes`],
    }),
    { dryRun: false },
  );
  action<[], ChangeOptions>(made, async ({ session, options }) => {
    const { api, out } = session;
    const before = await answerOf(api.GET('/v1/admin/queue'));
    const after = await change(session, options, {
      name: `queue ${verb}`,
      plan: (to) =>
        to.line(
          isPause
            ? 'Stop counting: usage waits on the queues until tally queue resume.'
            : `Count again: ${plural(before.waiting, 'job')} of usage ${before.waiting === 1 ? 'waits' : 'wait'}.`,
        ),
      make: (key) => {
        const params = { header: { 'Idempotency-Key': key } };
        return answerOf(
          isPause
            ? api.POST('/v1/admin/queue/pause', { params })
            : api.POST('/v1/admin/queue/resume', { params }),
        );
      },
    });
    if (after !== null) out.answer(after, () => writeQueue(out, after));
  });
}

function writeQueue(out: Output, queue: Schema<'QueueState'>): void {
  out.fields([
    ['jobs waiting', count(queue.waiting)],
    ['of them waiting for a retry', count(queue.delayed)],
    ['in flight', count(queue.active)],
    ['failed', count(queue.failed)],
    ['paused', queue.paused ? 'yes' : 'no'],
    ['oldest waits for', duration(queue.oldest_seconds, 'nothing waits')],
  ]);
  if (queue.shards.length > 1) {
    out.line();
    out.table(
      queue.shards,
      [
        { head: 'queue', cell: ({ name }) => name },
        { head: 'waiting', cell: ({ waiting }) => count(waiting), right: true },
        { head: 'active', cell: ({ active }) => count(active), right: true },
        { head: 'failed', cell: ({ failed }) => count(failed), right: true },
        { head: 'oldest', cell: (shard) => duration(shard.oldest_seconds), right: true },
        { head: 'paused', cell: ({ paused }) => (paused ? 'yes' : ''), tone: () => 'red' },
      ],
      '',
    );
  }
  if (queue.entities.length > 0) {
    out.line();
    out.table(
      queue.entities,
      [
        { head: 'entity', cell: ({ entity }) => entity ?? '(no customer)' },
        { head: 'waiting events', cell: (row) => count(row.waiting_events), right: true },
      ],
      '',
    );
    if (queue.entities_sampled) out.line('Counted in the oldest and the newest jobs only.');
  }
}
