/** `tally events show` and `tally void`: one counted event. */
import type { Command } from 'commander';
import { money, plural } from '../amounts.js';
import { answerOf } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, sentBy, type ChangeOptions, type Attempt } from '../change.js';
import { missing, WrongUse } from '../failures.js';
import { action, asks, asName, asSince, command } from '../grammar.js';
import type { Session } from '../session.js';
import type { Event } from '../shown/counted.js';
import { writeEvent } from '../shown/event.js';

type FindOptions = { readonly entity: string; readonly source?: string; readonly since?: number };

/** The events of a customer with this id, one for each source that has one. */
export async function eventsOf(
  { api }: Session,
  id: string,
  { entity, source, since }: FindOptions,
): Promise<readonly Event[]> {
  const { rows } = await rowsOf(
    async (page) =>
      answerOf(
        api.GET('/v1/entities/{entity}/events', {
          params: {
            path: { entity },
            query: {
              ...page,
              event_id: id,
              ...(source !== undefined && { source }),
              ...(since !== undefined && { start_time: since }),
            },
          },
        }),
      ),
    { limit: 100 },
  );
  return rows;
}

/** The only one. Throws WrongUse where there is none, or more. */
async function theEvent(session: Session, id: string, options: FindOptions): Promise<Event> {
  const [event, another] = await eventsOf(session, id, options);
  if (event === undefined)
    throw missing(
      `${options.entity} has no counted event ${id}. It may wait (tally queue), be a dead letter (tally dead-letters list), or be older than 35 days (--since).`,
    );
  if (another !== undefined)
    throw new WrongUse(
      `${options.entity} has several events ${id}: name one by --source, such as ${event.source}`,
    );
  return event;
}

function located(made: Command): Command {
  return made
    .requiredOption('--entity <entity>', 'whose event it is', asName)
    .option('--source <source>', 'who reported it, where several have the id')
    .option('--since <time>', 'where it is older than 35 days: a time before it', asSince);
}

export function addShow(events: Command): void {
  const show = located(
    command(events, 'show <event>', {
      summary: 'Show a counted event: quantities, unit prices, what paid for it, corrections',
      examples: ['events show chatcmpl-8f2c --entity acme'],
    }),
  );
  action<[string], FindOptions>(show, async ({ session, args: [id], options }) => {
    const event = await theEvent(session, id, options);
    session.out.answer(event, () => writeEvent(session.out, event));
  });
}

type VoidOptions = ChangeOptions & FindOptions & { readonly reason: string; readonly time?: string };

export function addVoid(program: Command): void {
  const made = asks(
    located(
      command(program, 'void <event>', {
        summary: 'Void a counted event: all that it was charged is given back, and it never counts again',
        examples: [
          'void chatcmpl-8f2c --entity acme --reason "sent twice, under two ids" --dry-run',
          'void chatcmpl-8f2c --entity acme --reason "sent twice, under two ids"',
        ],
      }),
    ).requiredOption('--reason <text>', 'why; it stays in the ledger and the audit log'),
  );
  action<[string], VoidOptions>(made, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const event = await theEvent(session, id, options);
    const path = { source: event.source, id };
    const body = { reason: options.reason, entity: options.entity, time: event.occurred_at };
    const send = (attempt: Attempt) =>
      answerOf(api.POST('/v1/admin/usage_events/{source}/{id}/void', { params: { path, ...attempt }, body }));
    const voided = await change(session, options, {
      name: 'void',
      plan: (to, seen) => {
        to.line(`Void the event ${id} of ${options.entity}/${event.project}:`);
        writeEvent(to, event);
        if (seen !== null)
          to.line(
            `It changes what ${options.entity} was charged by ${money(seen.cost_usd)}, in ${seen.period}.`,
          );
      },
      ...sentBy(send),
    });
    if (voided !== null)
      out.answer(voided, () =>
        out.line(
          `Voided ${id}: ${money(voided.cost_usd)}, booked in ${voided.period} as correction ${voided.id}; ${plural(Object.keys(voided.credits_usd).length, 'grant')} changed.`,
        ),
      );
  });
}
