/** `tally webhooks …` and `tally alerts`: where alerts go, and whether they arrive. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asks, choice, command, group, limited } from '../grammar.js';
import { change, type ChangeOptions } from '../change.js';
import type { Column } from '../shown/table.js';
import { duration, moment, second } from '../times.js';

type Webhook = Schema<'Webhook'>;
type Delivery = Schema<'WebhookDelivery'>;

export function addNoticeCommands(program: Command): void {
  const webhooks = group(program, 'webhooks', 'Look at where alerts go, and test it');
  addList(webhooks);
  addTest(webhooks);
  addDeliveries(webhooks);
  addAlerts(program);
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

function addTest(webhooks: Command): void {
  const test = asks(
    command(webhooks, 'test <webhook>', {
      summary: 'Send a webhook an event that reports nothing, to see whether it arrives',
      examples: ['webhooks test hook_9aXkQ2mZr0TbLw8YcVdN1e'],
    }),
    { dryRun: false },
  );
  action<[string], ChangeOptions>(test, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const sent = await change(
      session,
      { ...options, yes: true },
      {
        name: 'webhooks test',
        plan: () => undefined,
        make: (key) =>
          answerOf(
            api.POST('/v1/admin/webhooks/{id}/test', {
              params: { path: { id }, header: { 'Idempotency-Key': key } },
            }),
          ),
      },
    );
    if (sent !== null)
      out.answer(sent, () =>
        out.line(`${sent.id} is ${sent.status}. Whether it arrived: tally webhooks deliveries ${id}`),
      );
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

function addAlerts(program: Command): void {
  const alerts = command(program, 'alerts [entity]', {
    summary: 'List the alerts of a customer, or those that watch all of them',
    examples: ['alerts', 'alerts acme --json'],
  });
  limited(alerts);
  action<[string | undefined], { limit: number }>(
    alerts,
    async ({ session: { api, out }, args: [entity], options }) => {
      const { rows, hasMore } = await rowsOf(
        async (query) =>
          entity === undefined
            ? answerOf(api.GET('/v1/admin/alerts', { params: { query } }))
            : answerOf(
                api.GET('/v1/organization/alerts', {
                  params: { query, header: { 'OpenAI-Organization': entity } },
                }),
              ),
        options,
      );
      out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
        out.table(
          rows,
          ALERT_COLUMNS,
          entity === undefined ? 'No alerts watch all customers.' : `${entity} has no alerts.`,
        ),
      );
    },
  );
}

const ALERT_COLUMNS: Column<Schema<'Alert'>>[] = [
  { head: 'alert', cell: ({ id }) => id },
  { head: 'when', cell: whenOf, shrinksTo: 20 },
  { head: 'to', cell: (alert) => alert.notification_channel.recipients.join(', '), shrinksTo: 14 },
  {
    head: 'undeliverable',
    cell: ({ undeliverable }) => undeliverable ?? '',
    tone: () => 'red',
    shrinksTo: 14,
  },
  { head: 'created', cell: (alert) => second(alert.created_at), rank: 1 },
];

function whenOf(alert: Schema<'Alert'>): string {
  const project = alert.project === null ? '' : ` of ${alert.project}`;
  switch (alert.kind) {
    case 'low_balance':
      return `credits below ${money(alert.below_usd)}`;
    case 'credits_running_out':
      return `credits end within ${count(alert.within_days)} days`;
    case 'cap_share':
      return `${count(alert.share_percent)} % of the ${(alert.cap ?? 'cap').replaceAll('_', ' ')}${project}`;
    case 'queue_late':
      return `usage waits for ${duration(alert.older_than_seconds)}`;
    default:
      return alert.kind.replaceAll('_', ' ');
  }
}
