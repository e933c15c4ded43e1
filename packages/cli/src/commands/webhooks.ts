/** `tally webhooks …`: where alerts go, and whether they arrive. */
import type { Command } from 'commander';
import { count } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asks, asName, choice, command, group, lasting, limited, repeatable } from '../grammar.js';
import { change, makeOnce, type ChangeOptions } from '../change.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { duration, moment, second } from '../times.js';

type Webhook = Schema<'Webhook'>;
type Delivery = Schema<'WebhookDelivery'>;

export function addWebhookCommands(program: Command): void {
  const webhooks = group(program, 'webhooks', 'Say where alerts go, test it, and see whether they arrive');
  addList(webhooks);
  addCreate(webhooks);
  addTest(webhooks);
  addRotate(webhooks);
  addDelete(webhooks);
  addDeliveries(webhooks);
  addResend(webhooks);
}

function addList(webhooks: Command): void {
  const list = command(webhooks, 'list', {
    summary: 'List webhooks, and whether their deliveries succeed',
    examples: ['webhooks list'],
  });
  limited(list);
  action<[], { limit: number }>(list, async ({ session: { api, out }, options }) => {
    const { rows, hasMore } = await rowsOf(
      async (query) => answerOf(api.GET('/v1/admin/webhooks', { params: { query } })),
      options,
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, WEBHOOK_COLUMNS, 'No webhooks.'),
    );
  });
}

const WEBHOOK_COLUMNS: Column<Webhook>[] = [
  { head: 'webhook', cell: ({ id }) => id },
  { head: 'url', cell: ({ url }) => url, shrinksTo: 16 },
  { head: 'entity', cell: ({ entity }) => entity ?? 'all', shrinksTo: 8, rank: 1 },
  {
    head: 'state',
    cell: ({ breaker }) =>
      breaker.state === 'closed' ? 'works' : `fails, ${count(breaker.failures)} in a row`,
    tone: ({ breaker }) => (breaker.state === 'closed' ? 'green' : 'red'),
  },
  { head: 'created', cell: ({ created_at: at }) => moment(at), rank: 2 },
];

type CreateOptions = { readonly entity?: string; readonly idempotencyKey?: string };

function addCreate(webhooks: Command): void {
  const create = repeatable(
    command(webhooks, 'create <url>', {
      summary: 'Send alerts to an address; the secret that signs is shown once',
      examples: [
        'webhooks create https://hooks.example.com/tally',
        'webhooks create https://hooks.example.com/acme --entity acme',
      ],
    }).option('--entity <entity>', 'only alerts of this customer', asName),
  );
  action<[string], CreateOptions>(create, async ({ session, args: [url], options }) => {
    const { api, out } = session;
    const body = { url, ...(options.entity !== undefined && { entity: options.entity }) };
    const made = await makeOnce(options, (key) =>
      answerOf(api.POST('/v1/admin/webhooks', { params: { header: { 'Idempotency-Key': key } }, body })),
    );
    out.answer(made, () => writeNew(out, made));
  });
}

function writeNew(out: Output, webhook: Schema<'NewWebhook'>): void {
  out.fields([
    ['webhook', webhook.id],
    ['url', webhook.url],
    ['entity', webhook.entity ?? 'all'],
    ['the previous secret signs until', second(webhook.previous_secret_until, '')],
    ['secret', webhook.secret],
  ]);
  out.line('The secret is not shown again: save it now.');
}

function addTest(webhooks: Command): void {
  const test = repeatable(
    command(webhooks, 'test <webhook>', {
      summary: 'Send a webhook an event that reports nothing, to see whether it arrives',
      examples: ['webhooks test hook_9aXkQ2mZr0TbLw8YcVdN1e'],
    }),
  );
  action<[string], { idempotencyKey?: string }>(test, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const sent = await makeOnce(options, (key) =>
      answerOf(
        api.POST('/v1/admin/webhooks/{id}/test', {
          params: { path: { id }, header: { 'Idempotency-Key': key } },
        }),
      ),
    );
    out.answer(sent, () =>
      out.line(`${sent.id} is ${sent.status}. Whether it arrived: tally webhooks deliveries ${id}`),
    );
  });
}

type RotateOptions = ChangeOptions & { readonly overlap: number };

function addRotate(webhooks: Command): void {
  const rotate = asks(
    command(webhooks, 'rotate <webhook>', {
      summary: 'Give a webhook another secret; for a while both sign',
      examples: [
        'webhooks rotate hook_9aXkQ2mZr0TbLw8YcVdN1e',
        'webhooks rotate hook_9aXkQ2mZr0TbLw8YcVdN1e --overlap 0s --yes',
      ],
    }).addOption(
      lasting('--overlap <time>', 'how long deliveries are signed with the previous secret too', '24h'),
    ),
    { dryRun: false },
  );
  action<[string], RotateOptions>(rotate, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const path = { id };
    const { url } = await answerOf(api.GET('/v1/admin/webhooks/{id}', { params: { path } }));
    const { overlap } = options;
    const made = await change(session, options, {
      name: 'webhooks rotate',
      plan: (to) =>
        to.line(
          `Give ${id} (${url}) another secret; the previous one ${overlap === 0 ? 'ends at once' : `still signs too, for ${duration(overlap)}`}.`,
        ),
      make: (key) =>
        answerOf(
          api.POST('/v1/admin/webhooks/{id}/rotate', {
            params: { path, header: { 'Idempotency-Key': key } },
            body: { overlap_seconds: overlap },
          }),
        ),
    });
    if (made !== null) out.answer(made, () => writeNew(out, made));
  });
}

function addDelete(webhooks: Command): void {
  const remove = command(webhooks, 'delete <webhook>', {
    summary: 'Delete a webhook and its deliveries',
    examples: ['webhooks delete hook_9aXkQ2mZr0TbLw8YcVdN1e'],
  }).option('-y, --yes', 'do it without asking');
  action<[string], ChangeOptions>(remove, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const params = { path: { id } };
    const { url } = await answerOf(api.GET('/v1/admin/webhooks/{id}', { params }));
    const deleted = await change(session, options, {
      name: 'webhooks delete',
      plan: (to) => to.line(`Delete ${id} (${url}) and its deliveries: no alert goes there any more.`),
      make: () => answerOf(api.DELETE('/v1/admin/webhooks/{id}', { params })),
    });
    if (deleted !== null) out.answer(deleted, () => out.line(`Deleted ${id}.`));
  });
}

type DeliveryOptions = { status?: Schema<'DeliveryStatus'>; limit: number };

function addDeliveries(webhooks: Command): void {
  const deliveries = command(webhooks, 'deliveries <webhook>', {
    summary: 'List what was sent to a webhook in the last month, and what it answered',
    examples: ['webhooks deliveries hook_9aXkQ2mZr0TbLw8YcVdN1e --status failed'],
  }).addOption(choice('--status <status>', 'only those in this state', STATUSES));
  limited(deliveries, 20);
  action<[string], DeliveryOptions>(
    deliveries,
    async ({ session: { api, out }, args: [id], options: { status, limit } }) => {
      const { rows, hasMore } = await rowsOf(
        async (page) =>
          answerOf(
            api.GET('/v1/admin/webhooks/{id}/deliveries', {
              params: { path: { id }, query: { ...page, ...(status !== undefined && { status }) } },
            }),
          ),
        { limit },
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(rows, DELIVERY_COLUMNS, 'Nothing was sent.'),
      );
    },
  );
}

function addResend(webhooks: Command): void {
  const resend = repeatable(
    command(webhooks, 'resend <webhook> <delivery>', {
      summary: 'Send an event to a webhook again, under the same id',
      examples: [
        'webhooks resend hook_9aXkQ2mZr0TbLw8YcVdN1e evt_VREvPbFiRBsWaORBuKd4mx.hook_9aXkQ2mZr0TbLw8YcVdN1e',
      ],
    }),
  );
  type Options = { idempotencyKey?: string };
  action<[string, string], Options>(resend, async ({ session, args: [id, delivery], options }) => {
    const { api, out } = session;
    const path = { id, delivery };
    const sent = await makeOnce(options, (key) =>
      answerOf(
        api.POST('/v1/admin/webhooks/{id}/deliveries/{delivery}/resend', {
          params: { path, header: { 'Idempotency-Key': key } },
        }),
      ),
    );
    out.answer(sent, () =>
      out.line(`${sent.id} is ${sent.status}. Whether it arrived: tally webhooks deliveries ${id}`),
    );
  });
}

const STATUSES = ['pending', 'delivered', 'failed'] as const;

const DELIVERY_COLUMNS: Column<Delivery>[] = [
  { head: 'created', cell: (delivery) => moment(delivery.created_at) },
  { head: 'type', cell: ({ type }) => type, shrinksTo: 12 },
  {
    head: 'status',
    cell: ({ status }) => status,
    tone: ({ status }) => (status === 'delivered' ? 'green' : status === 'failed' ? 'red' : 'yellow'),
  },
  { head: 'attempts', cell: ({ attempts }) => count(attempts.length), right: true, rank: 1 },
  { head: 'last answer', cell: lastAnswer, shrinksTo: 10, rank: 2 },
  { head: 'next', cell: (delivery) => moment(delivery.next_attempt_at, ''), rank: 3 },
  { head: 'delivery', cell: ({ id }) => id, rank: 4 },
];

function lastAnswer({ attempts }: Delivery): string {
  const last = attempts.at(-1);
  if (last === undefined) return '';
  return last.status === null ? (last.error ?? 'none') : String(last.status);
}
