/**
 * All commands, in the order in which help lists them. A command is loaded when it is called, because loading takes most of the time of a
 * start; only help, completion and a mistyped name load all.
 */
import { Command, Help, type Option } from 'commander';
import { describe } from './grammar.js';

type Part = {
  /** The commands that it adds. */
  readonly names: readonly string[];
  readonly load: () => Promise<(program: Command) => unknown>;
};

const PARTS: readonly Part[] = [
  {
    names: ['entities', 'entity', 'plans'],
    load: async () => (await import('./commands/entities.js')).addAccountCommands,
  },
  { names: ['credits'], load: async () => (await import('./commands/credits.js')).addCreditCommands },
  { names: ['limits'], load: async () => (await import('./commands/limits.js')).addLimitCommands },
  {
    names: ['ledger', 'denials', 'holds', 'usage', 'statement'],
    load: async () => (await import('./commands/reports.js')).addReportCommands,
  },
  { names: ['events', 'void'], load: async () => (await import('./commands/events.js')).addEventCommands },
  { names: ['explain'], load: async () => (await import('./commands/explain.js')).addExplainCommand },
  { names: ['prices'], load: async () => (await import('./commands/prices.js')).addPriceCommands },
  { names: ['keys'], load: async () => (await import('./commands/keys.js')).addKeyCommands },
  {
    names: ['focus', 'corrections'],
    load: async () => (await import('./commands/exports.js')).addExportCommands,
  },
  { names: ['inbox'], load: async () => (await import('./commands/inbox.js')).addInboxCommand },
  { names: ['queue'], load: async () => (await import('./commands/queue.js')).addQueueCommands },
  {
    names: ['reconcile', 'repair', 'chains'],
    load: async () => (await import('./commands/books.js')).addBookCommands,
  },
  {
    names: ['dead-letters'],
    load: async () => (await import('./commands/dead-letters.js')).addDeadLetterCommands,
  },
  { names: ['conflicts'], load: async () => (await import('./commands/conflicts.js')).addConflictCommands },
  { names: ['jobs'], load: async () => (await import('./commands/jobs.js')).addJobCommands },
  { names: ['audit'], load: async () => (await import('./commands/audit.js')).addAuditCommand },
  { names: ['webhooks'], load: async () => (await import('./commands/webhooks.js')).addWebhookCommands },
  { names: ['alerts', 'mail'], load: async () => (await import('./commands/alerts.js')).addAlertCommands },
  { names: ['retention'], load: async () => (await import('./commands/retention.js')).addRetentionCommands },
  { names: ['version'], load: async () => (await import('./commands/version.js')).addVersionCommand },
  { names: ['completion'], load: async () => (await import('./completion.js')).addCompletion },
];

/** The program with the commands that these words may call; null loads all. */
export async function makeProgram(words: readonly string[] | null = null): Promise<Command> {
  const program = new Command('tally')
    .description('Customers, credits, limits, prices and usage of a Tally service, for admins.')
    .option('--json', "print the API's answer as JSON, for programs")
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, optionDescription })
    .exitOverride()
    .showHelpAfterError('Commands: tally --help')
    .addHelpText('after', ENVIRONMENT);
  describe(program, [
    'entities --running-out 7d                who runs out of credits this week',
    'credits buy acme 500 --reference inv_42  sell credits',
    'limits acme/search --monthly-cap 100     limit a project',
    'denials acme                             which requests were refused',
    'explain dec_htcxun3IRkH0B42XXiozt.acme   and why',
  ]);
  const called = words?.find((word) => !word.startsWith('-'));
  const part = PARTS.find(({ names }) => called !== undefined && names.includes(called));
  for (const { load } of part === undefined ? PARTS : [part]) (await load())(program);
  return program;
}

function optionDescription(this: Help, option: Option): string {
  const description = Help.prototype.optionDescription.call(this, option);
  return option.mandatory ? `${description} (required)` : description;
}

const ENVIRONMENT = `
Environment:
  TALLY_URL          the service, such as https://tally.example.com
  TALLY_API_KEY      a key, mostly with the role admin; TALLY_API_KEY_FILE names a file that holds it
  DATA_DIR           where an embedded service runs that is used where neither is set (.data)
  NO_COLOR           no colour

Times are UTC. Exit codes: 0; 1 where the service refuses or is unavailable; 2 where the command line is wrong.`;
