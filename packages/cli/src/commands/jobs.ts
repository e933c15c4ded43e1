/** `tally jobs …`: imports, re-ratings, reconciliations and repairs that take longer than a request waits. */
import type { Command } from 'commander';
import { answerOf, type Schema } from '../api/client.js';
import { ended, failureOf } from '../api/jobs.js';
import { rowsOf } from '../api/pages.js';
import { action, choice, command, group, limited } from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { duration, moment, second } from '../times.js';

type Summary = Schema<'JobSummary'>;
type Status = Schema<'JobStatus'>;

const STATUSES = ['queued', 'running', 'done', 'failed'] as const satisfies Status[];
const TONES = { queued: null, running: 'yellow', done: 'green', failed: 'red' } as const;

export function addJobCommands(program: Command): void {
  const jobs = group(program, 'jobs', 'Look at long work: imports, re-ratings, reconciliations');
  const list = command(jobs, 'list', {
    summary: 'List jobs, newest first',
    examples: ['jobs list', 'jobs list --status failed', 'jobs list --kind price_import'],
  })
    .option('--kind <kind>', 'only of this kind, such as price_import')
    .addOption(choice('--status <status>', 'only in this state', STATUSES));
  limited(list, 20);
  action<[], { kind?: string; status?: Status; limit: number }>(
    list,
    async ({ session: { api, out }, options: { kind, status, limit } }) => {
      const { rows, hasMore } = await rowsOf(
        async (page) =>
          answerOf(
            api.GET('/v1/admin/jobs', {
              params: {
                query: {
                  ...page,
                  ...(kind !== undefined && { kind }),
                  ...(status !== undefined && { status }),
                },
              },
            }),
          ),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(rows, COLUMNS, 'No jobs.'),
      );
    },
  );
  const show = command(jobs, 'show <job>', {
    summary: 'Show a job and what came of it',
    examples: [
      'jobs show job_VyDgsL3WcRy1DPlqHdMB8J',
      'jobs show job_VyDgsL3WcRy1DPlqHdMB8J --json | jq .result',
    ],
  });
  action<[string]>(show, async ({ session: { api, out }, args: [id] }) => {
    const job = await answerOf(api.GET('/v1/admin/jobs/{id}', { params: { path: { id } } }));
    out.answer(job, () => writeJob(out, job));
  });
  const watch = command(jobs, 'watch <job>', {
    summary: 'Wait until a job has ended, and show what came of it; exit code 1 where it failed',
    examples: ['jobs watch job_VyDgsL3WcRy1DPlqHdMB8J'],
  });
  action<[string]>(watch, async ({ session, args: [id] }) => {
    const { api, out } = session;
    const found = await answerOf(api.GET('/v1/admin/jobs/{id}', { params: { path: { id } } }));
    const job = await ended(api, found, session.progress());
    if (job.status === 'failed') throw failureOf(job);
    out.answer(job, () => writeJob(out, job));
  });
}

const COLUMNS: Column<Summary>[] = [
  { head: 'job', cell: ({ id }) => id },
  { head: 'kind', cell: ({ kind }) => kind.replaceAll('_', ' '), shrinksTo: 10 },
  { head: 'status', cell: ({ status }) => status, tone: ({ status }) => TONES[status] },
  { head: 'progress', cell: ({ progress }) => percent(progress), right: true, rank: 1 },
  { head: 'entity', cell: ({ entity }) => entity ?? '', shrinksTo: 8, rank: 4 },
  { head: 'created', cell: ({ created_at: at }) => moment(at), rank: 2 },
  { head: 'error', cell: ({ error }) => error?.message ?? '', shrinksTo: 10, rank: 3 },
];

function writeJob(out: Output, job: Schema<'Job'>): void {
  const { started_at: started, finished_at: finished } = job;
  out.fields([
    ['job', job.id],
    ['kind', job.kind.replaceAll('_', ' ')],
    ['status', `${job.status}, ${percent(job.progress)}`],
    ['entity', job.entity ?? 'all'],
    ['asked for by', job.actor],
    ['created', second(job.created_at)],
    ['took', started === null || finished === null ? '' : duration(finished - started)],
    ['error', job.error?.message ?? ''],
  ]);
  for (const [name, value] of Object.entries((job.result ?? {}) as Record<string, unknown>))
    if (['string', 'number', 'boolean'].includes(typeof value) && name !== 'object')
      out.fields([[`result: ${name}`, String(value)]]);
}

function percent(progress: number): string {
  return `${Math.floor(progress * 100)} %`;
}
