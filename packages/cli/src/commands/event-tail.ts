/** `tally events tail`: usage as it is counted. */
import type { Command } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import { answerOf, type Api } from '../api/client.js';
import { action, asCount, command } from '../grammar.js';
import type { Session } from '../session.js';
import { costOf, queryOf, selected, type Event, type Selection } from '../shown/counted.js';
import { quantitiesOf } from '../shown/quantities.js';
import { second } from '../times.js';

const POLL_MS = 1_000;
/** Events that occurred earlier than this before they came are in `events list`. */
const WINDOW_SECONDS = 3_600;
const PAGES_MAX = 10;

type TailOptions = Selection & { readonly lines: number };

export function addTail(events: Command): void {
  const tail = selected(
    command(events, 'tail <entity>', {
      summary: "Follow a customer's usage as it is counted, until Ctrl-C",
      more: 'With --json each event is one line. Usage that comes more than an hour late is in `tally events list`.',
      examples: ['events tail acme', 'events tail acme --project search --lines 0 --json | jq .cost_usd'],
    }),
  ).option('-n, --lines <n>', 'how many of the newest to begin with', asCount, 10);
  action<[string], TailOptions>(tail, ({ session, args: [entity], options }) =>
    follow(session, entity, options),
  );
}

async function follow(session: Session, entity: string, options: TailOptions): Promise<void> {
  const { api, out } = session;
  process.once('SIGINT', () => process.exit(0));
  const seen = new Map<string, number>();
  const first = await newest(api, {
    entity,
    query: queryOf(options),
    since: session.nowSeconds - WINDOW_SECONDS,
    seen,
  });
  for (const event of first) seen.set(event.id, Date.parse(event.occurred_at));
  for (const event of first.slice(Math.max(0, first.length - options.lines))) write(session, event);
  if (first.length === 0 && !out.isJson)
    session.notes.line(`Nothing in the last hour: waiting for usage of ${entity}.`);
  for (;;) {
    await delay(POLL_MS);
    const since = session.nowSeconds - WINDOW_SECONDS;
    for (const event of await newest(api, { entity, query: queryOf(options), since, seen })) {
      seen.set(event.id, Date.parse(event.occurred_at));
      write(session, event);
    }
    for (const [id, occurredMs] of seen) if (occurredMs < since * 1000) seen.delete(id);
  }
}

type Newest = {
  readonly entity: string;
  readonly query: ReturnType<typeof queryOf>;
  readonly since: number;
  readonly seen: ReadonlyMap<string, number>;
};

/** Those that were not seen yet, oldest first. Reads until a page has nothing new, at most a thousand. */
async function newest(api: Api, { entity, query, since, seen }: Newest): Promise<Event[]> {
  const found: Event[] = [];
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { data, has_more, last_id } = await answerOf(
      api.GET('/v1/entities/{entity}/events', {
        params: {
          path: { entity },
          query: { ...query, start_time: since, limit: 100, ...(after !== undefined && { after }) },
        },
      }),
    );
    const fresh = data.filter(({ id }) => !seen.has(id));
    found.push(...fresh);
    if (!has_more || last_id === null || fresh.length === 0) break;
    after = last_id;
  }
  return found.reverse();
}

function write({ out }: Session, event: Event): void {
  if (out.isJson) return out.jsonLine(event);
  const at = second(event.occurred_at).replace(' UTC', '');
  out.line(
    `${at}  ${event.project}  ${event.model}  ${quantitiesOf(event.quantities)}  ${costOf(event)}  ${event.event_id}`,
  );
}
