/** What the document's operations are sorted by. The name of an operation begins with it, as a client's property would. */

/** Controllers whose name is not what a client would look for. */
const RENAMED: Readonly<Record<string, string>> = {
  CountedEvents: 'events',
  EntityActivity: 'activity',
  EntityUsage: 'usage',
  FocusExports: 'exports',
  OrganizationCosts: 'costs',
  OrganizationUsage: 'organizationUsage',
  OtherUsage: 'organizationUsage',
  OrganizationProjects: 'organizationProjects',
  UsageEvents: 'usageEvents',
  VisibleEntities: 'customers',
};

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  activity: 'What of an entity happened lately.',
  alerts: 'What the service or a customer is warned of.',
  auditLog: 'Who changed what, when, and what it was before.',
  balances: 'What an entity has, has spent and will have spent.',
  books: 'Whether the books agree, and what mends them.',
  chains: 'Hash chains over what is only ever added, which show whether somebody changed it.',
  conflicts: 'Usage of one identity with different contents.',
  corrections: 'Voids and re-ratings of usage.',
  costs: "Costs in OpenAI's form.",
  credits: 'Credits bought and given, what is left of them, and the ledger.',
  customers: 'The entities that a key may see.',
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
  mails: 'Mail that was sent, and what became of it.',
  operations: 'Health and metrics.',
  organizationAdmin: "Keys, audit log and rate limits in OpenAI's form.",
  organizationProjects: "Projects in OpenAI's form.",
  organizationUsage: "Usage in OpenAI's form.",
  plans: 'Default limits and monthly credits.',
  prices: 'What models cost, from when and for whom.',
  projects: 'Parts of an entity with limits of their own.',
  queue: 'Usage that waits to be counted.',
  quota: 'May this request run? Reserve, extend, release.',
  retention: 'How long personal data is kept, and how it is erased.',
  serviceAlerts: 'Warnings for those who run the service.',
  spendAlerts: 'Messages when spend passes an amount.',
  spendLimits: "A customer's own limits of spend.",
  statements: 'A month of an entity as a document.',
  usage: 'Sums of usage by time and group.',
  usageEvents: 'Usage as gateways report it.',
  webhooks: 'Where alerts go, and what was delivered.',
};

export function tagOf(controller: string): string {
  const name = controller.replace(/Controller$/, '');
  return RENAMED[name] ?? name.charAt(0).toLowerCase() + name.slice(1);
}

/** `Quota.reserve` → `quota.reserve`. */
export function operationIdOf(controller: string, method: string): string {
  return `${tagOf(controller)}.${method}`;
}

export function describedTags(names: Iterable<string>): { name: string; description: string }[] {
  return [...new Set(names)]
    .toSorted()
    .map((name) => ({ name, description: DESCRIPTIONS[name] ?? `What concerns ${name}.` }));
}
