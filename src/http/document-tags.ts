/** What the document's operations are called and sorted by. A name is read as a call of a client: `credits.grant`. */

/** Where class and method do not say what a client would look for. */
const NAMES: Readonly<Record<string, string>> = {
  'AuditLog.audit': 'auditLog.list',
  'Balances.balance': 'balances.get',
  'Chains.chains': 'chains.list',
  'Corrections.rerate': 'prices.rerate',
  'Corrections.void': 'usageEvents.void',
  'CountedEvents.get': 'events.get',
  'CountedEvents.list': 'events.list',
  'Credits.entry': 'ledger.get',
  'Credits.ledger': 'ledger.list',
  'Credits.one': 'credits.get',
  'EntityActivity.read': 'activity.get',
  'EntityUsage.read': 'usage.get',
  'FocusExports.readFocus': 'exports.focus',
  'Inbox.look': 'inbox.get',
  'Litellm.report': 'usageEvents.reportLitellm',
  'Mails.list': 'mailDeliveries.list',
  'Operations.read': 'operations.metrics',
  'OrganizationAdmin.audit': 'organizationAuditLogs.list',
  'OrganizationAdmin.key': 'adminApiKeys.get',
  'OrganizationAdmin.keys': 'adminApiKeys.list',
  'OrganizationCosts.costs': 'organizationUsage.costs',
  'OrganizationProjects.rateLimits': 'rateLimits.list',
  'Prices.unpriced': 'unpricedUsage.list',
  'Queue.look': 'queue.get',
  'Retention.erase': 'entities.erase',
  'StatementList.list': 'statements.months',
  'Statements.read': 'statements.get',
  'VisibleEntities.list': 'customers.list',
  'VisibleEntities.get': 'customers.get',
  'Webhooks.deliveries': 'webhookDeliveries.list',
  'Webhooks.delivery': 'webhookDeliveries.get',
  'Webhooks.resend': 'webhookDeliveries.resend',
};

/** Of a class whose name is not what a client would look for. */
const TAGS: Readonly<Record<string, string>> = { OtherUsage: 'organizationUsage' };

/** `SpendAlerts.listOfProject` → `projectSpendAlerts.list`. */
const OF_PROJECT = 'OfProject';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  activity: 'What of an entity happened lately.',
  adminApiKeys: "Keys of an organization's owners, in OpenAI's form.",
  alerts: 'What a customer is warned of.',
  auditLog: 'Who changed what, when, and what it was before.',
  balances: 'What an entity has, has spent and will have spent.',
  books: 'Whether the books agree, and what mends them.',
  chains: 'Hash chains over what is only ever added, which show whether somebody changed it.',
  conflicts: 'Usage of one identity with different contents.',
  corrections: 'Voids, re-ratings and late usage.',
  credits: 'Credits bought and given, and what is left of them.',
  customers: 'The entities that a key may see, with what they spent.',
  deadLetters: 'Usage that could not be counted, and why.',
  decisions: 'Why a request was denied.',
  denials: 'Requests that were denied lately, by limit.',
  entities: 'Who pays: plan and limits.',
  events: 'Usage that was counted.',
  exports: 'Costs in the FOCUS form.',
  holds: 'What requests in flight hold.',
  inbox: 'What waits for a person.',
  jobs: 'Long work and how far it is.',
  keys: 'API keys and their roles.',
  leases: 'Shares of a quota that a gateway spends by itself.',
  ledger: 'Every movement of credits and debts.',
  mailDeliveries: 'Mail that alerts sent, and what became of it.',
  operations: 'Health and metrics.',
  organizationAuditLogs: "The changes of an organization, in OpenAI's form.",
  organizationProjects: "Projects in OpenAI's form.",
  organizationUsage: "Usage and costs in OpenAI's form.",
  plans: 'Default limits and monthly credits.',
  prices: 'What models cost, from when and for whom.',
  projectSpendAlerts: 'Messages when the spend of a project passes an amount.',
  projectSpendLimits: "A customer's own limits of the spend of its projects.",
  projects: 'Parts of an entity with limits of their own.',
  queue: 'Usage that waits to be counted.',
  quota: 'May this request run? Reserve, extend, release.',
  rateLimits: "Rate limits in OpenAI's form.",
  retention: 'How long personal data is kept.',
  serviceAlerts: 'Warnings for those who run the service.',
  spendAlerts: 'Messages when spend passes an amount.',
  spendLimits: "A customer's own limits of spend.",
  statements: 'A month of an entity as a document.',
  unpricedUsage: 'Usage that waits for a price.',
  usage: 'Sums of usage by time and group.',
  usageEvents: 'Usage as gateways report it.',
  webhookDeliveries: 'What webhooks were sent, and what they answered.',
  webhooks: 'Where alerts go, and what they say.',
};

export function operationIdOf(controller: string, method: string): string {
  const name = controller.replace(/Controller$/, '');
  const named = NAMES[`${name}.${method}`];
  if (named !== undefined) return named;
  const tag = TAGS[name] ?? name.charAt(0).toLowerCase() + name.slice(1);
  if (!method.endsWith(OF_PROJECT)) return `${tag}.${method}`;
  return `project${tag.charAt(0).toUpperCase()}${tag.slice(1)}.${method.slice(0, -OF_PROJECT.length)}`;
}

export function tagOf(operationId: string): string {
  return operationId.split('.', 1)[0] ?? '';
}

export function describedTags(names: Iterable<string>): { name: string; description: string }[] {
  return [...new Set(names)]
    .toSorted()
    .map((name) => ({ name, description: DESCRIPTIONS[name] ?? `What concerns ${name}.` }));
}
