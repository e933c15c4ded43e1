/** `tally alerts …` and `tally mail`: who is told of what, and whether the mails arrived. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, makeOnce, type ChangeOptions } from '../change.js';
import { action, asName, choice, command, limited, repeatable } from '../grammar.js';
import type { Session } from '../session.js';
import type { Column } from '../shown/table.js';
import { duration, moment, second } from '../times.js';
import { ordering, orderOf, type Kind, type Order, type OrderOptions } from './alert-order.js';

type Alert = Schema<'Alert'>;

export function addAlertCommands(program: Command): void {
  const alerts = command(program, 'alerts [entity]', {
    summary: 'List the alerts of a customer, or those that watch all of them',
    more: '`tally alerts NAME` lists those of a customer; one that is named like a subcommand: `tally alerts list NAME`.',
    examples: [
      'alerts',
      'alerts acme',
      'alerts create low_balance --below 50 --entity acme --mail ops@acme.example',
    ],
  });
  const list = command(alerts, 'list [entity]', {
    summary: 'The same, for a customer that is named like a subcommand',
    examples: ['alerts list acme'],
  });
  for (const listing of [alerts, list]) {
    limited(listing);
    action<[string | undefined], { limit: number }>(listing, ({ session, args: [entity], options }) =>
      listAlerts(session, entity, options),
    );
  }
  addCreate(alerts);
  addChange(alerts);
  addDelete(alerts);
  addMail(program);
}

async function listAlerts(
  { api, out }: Session,
  entity: string | undefined,
  options: { limit: number },
): Promise<void> {
  const { rows, hasMore } = await rowsOf(
    async (query) =>
      entity === undefined
        ? answerOf(api.GET('/v1/admin/alerts', { params: { query } }))
        : answerOf(api.GET('/v1/organization/alerts', { params: { query, header: of(asName(entity)) } })),
    options,
  );
  out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
    out.table(
      rows,
      ALERT_COLUMNS,
      entity === undefined ? 'No alerts watch all customers.' : `${entity} has no alerts.`,
    ),
  );
}

function of(entity: string): { 'OpenAI-Organization': string } {
  return { 'OpenAI-Organization': entity };
}

function addCreate(alerts: Command): void {
  const create = repeatable(
    ordering(
      command(alerts, 'create <kind>', {
        summary: 'Tell somebody when credits, a cap, usage or the queue need them',
        more: 'Without --entity it watches every customer. Alerts go to the webhooks, and to those that --mail names.',
        examples: [
          'alerts create low_balance --below 50 --entity acme --mail ops@acme.example',
          'alerts create credits_running_out --within-days 7',
          'alerts create cap_share --share 80 --entity acme --project search',
          'alerts create queue_late --older-than 5m --mail oncall@example.com',
        ],
      }),
    ),
  );
  action<[Kind], MakingOptions>(create, ({ session, args: [kind], options }) =>
    makeAlert(session, orderOf(kind, options), options, null),
  );
}

function addChange(alerts: Command): void {
  const made = repeatable(
    ordering(
      command(alerts, 'change <alert> <kind>', {
        summary: 'Replace an alert by another; it is armed again',
        more: 'What is left out is gone afterwards, recipients too.',
        examples: [
          'alerts change alert_3J9dX0aTq7mVwYbR5cKeLs low_balance --below 100 --entity acme --mail ops@acme.example',
        ],
      }),
    ),
  );
  action<[string, Kind], MakingOptions>(made, ({ session, args: [alert, kind], options }) =>
    makeAlert(session, orderOf(kind, options), options, alert),
  );
}

type MakingOptions = OrderOptions & { readonly idempotencyKey?: string };

/** A new one, or in place of `alert`. */
async function makeAlert(
  { api, out }: Session,
  order: Order,
  options: MakingOptions,
  alert: string | null,
): Promise<void> {
  const { entity } = options;
  const made = await makeOnce(options, (key): Promise<Alert> => {
    const header = { 'Idempotency-Key': key };
    if (entity === undefined) {
      const body = order as Schema<'ServiceAlertOrder'>;
      return answerOf(
        alert === null
          ? api.POST('/v1/admin/alerts', { params: { header }, body })
          : api.POST('/v1/admin/alerts/{alert}', { params: { path: { alert }, header }, body }),
      );
    }
    const body = order as Schema<'AlertOrder'>;
    const headers = { ...header, ...of(entity) };
    return answerOf(
      alert === null
        ? api.POST('/v1/organization/alerts', { params: { header: headers }, body })
        : api.POST('/v1/organization/alerts/{alert}', {
            params: { path: { alert }, header: headers },
            body,
          }),
    );
  });
  out.answer(made, () => out.line(toldOf(made)));
}

function toldOf(alert: Alert): string {
  const unheard = alert.undeliverable === null ? '' : ` Undeliverable: ${alert.undeliverable}.`;
  return `${alert.id} tells of ${alert.entity ?? 'every customer'}: ${whenOf(alert)}.${unheard}`;
}

function addDelete(alerts: Command): void {
  const remove = command(alerts, 'delete <alert>', {
    summary: 'Delete an alert',
    examples: [
      'alerts delete alert_3J9dX0aTq7mVwYbR5cKeLs --entity acme',
      'alerts delete alert_3J9dX0aTq7mVwYbR5cKeLs --yes',
    ],
  })
    .option('--entity <entity>', 'whose alert it is; without it one that watches all', asName)
    .option('-y, --yes', 'do it without asking');
  type Options = ChangeOptions & { entity?: string };
  action<[string], Options>(remove, async ({ session, args: [alert], options }) => {
    const { api, out } = session;
    const path = { alert };
    const { entity } = options;
    const params = entity === undefined ? null : { path, header: of(entity) };
    const found: Alert = await answerOf(
      params === null
        ? api.GET('/v1/admin/alerts/{alert}', { params: { path } })
        : api.GET('/v1/organization/alerts/{alert}', { params }),
    );
    const deleted = await change(session, options, {
      name: 'alerts delete',
      plan: (to) => to.line(`Delete ${alert}: nobody is told any more of ${whenOf(found)}.`),
      make: async () => {
        if (params === null) await answerOf(api.DELETE('/v1/admin/alerts/{alert}', { params: { path } }));
        else await answerOf(api.DELETE('/v1/organization/alerts/{alert}', { params }));
        return { object: 'alert.deleted', id: alert, deleted: true };
      },
    });
    if (deleted !== null) out.answer(deleted, () => out.line(`Deleted ${alert}.`));
  });
}

const ALERT_COLUMNS: Column<Alert>[] = [
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

function whenOf(alert: Alert): string {
  const project = alert.project === null ? '' : ` of ${alert.project}`;
  switch (alert.kind) {
    case 'low_balance':
      return `credits below ${money(alert.below_usd)}`;
    case 'credits_running_out':
      return `credits end within ${count(alert.within_days)} days`;
    case 'cap_share':
      return `${count(alert.share_percent)} % of the ${alert.cap ?? 'monthly'} cap${project}`;
    case 'queue_late':
      return `usage waits for ${duration(alert.older_than_seconds)}`;
    default:
      return alert.kind.replaceAll('_', ' ');
  }
}

const STATUSES = ['pending', 'delivered', 'failed'] as const;

type MailOptions = { readonly status?: Schema<'DeliveryStatus'>; readonly limit: number };

function addMail(program: Command): void {
  const mail = command(program, 'mail', {
    summary: 'List what alerts have mailed in the last month, and whether it was taken',
    examples: ['mail', 'mail --status failed'],
  }).addOption(choice('--status <status>', 'only those in this state', STATUSES));
  limited(mail, 20);
  action<[], MailOptions>(mail, async ({ session: { api, out }, options: { status, limit } }) => {
    const { rows, hasMore } = await rowsOf(
      async (page) => {
        const query = { ...page, ...(status !== undefined && { status }) };
        return answerOf(api.GET('/v1/admin/mail_deliveries', { params: { query } }));
      },
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () =>
      out.table(rows, MAIL_COLUMNS, 'Nothing was mailed.'),
    );
  });
}

const MAIL_COLUMNS: Column<Schema<'MailDelivery'>>[] = [
  { head: 'created', cell: (mail) => moment(mail.created_at) },
  { head: 'to', cell: ({ recipient }) => recipient, shrinksTo: 12 },
  { head: 'subject', cell: ({ subject }) => subject, shrinksTo: 16, rank: 1 },
  {
    head: 'status',
    cell: ({ status }) => status,
    tone: ({ status }) => (status === 'delivered' ? 'green' : status === 'failed' ? 'red' : 'yellow'),
  },
  { head: 'last answer', cell: ({ attempts }) => attempts.at(-1)?.error ?? '', shrinksTo: 10, rank: 2 },
  { head: 'next', cell: (mail) => moment(mail.next_attempt_at, ''), rank: 3 },
];
