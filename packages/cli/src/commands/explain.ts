/** `tally explain`: why a request was refused, what one in flight holds, or what an event cost and why. */
import type { Command } from 'commander';
import { count, money } from '../amounts.js';
import { answerOf, answerOrNull, type Schema } from '../api/client.js';
import { missing, WrongUse } from '../failures.js';
import { action, asName, asSince, command } from '../grammar.js';
import type { Session } from '../session.js';
import { sentenceOf } from '../shown/denial.js';
import { writeEvent } from '../shown/event.js';
import type { Output } from '../shown/output.js';
import { second } from '../times.js';
import { eventsOf } from './voids.js';

type Options = { readonly entity?: string; readonly source?: string; readonly since?: number };

export function addExplainCommand(program: Command): void {
  const explain = command(program, 'explain <id>', {
    summary: 'Explain a denied request, a reservation, or a counted event',
    more: 'A decision is explained for a day; its id is in the header x-quota-decision, in the body of the denial, and in tally denials.',
    examples: [
      'explain dec_htcxun3IRkH0B42XXiozt.acme',
      'explain res_V_9T6PIB0tZN7BC1YMo6IA.acme',
      'explain chatcmpl-8f2c --entity acme',
    ],
  })
    .option('--entity <entity>', 'whose event it is', asName)
    .option('--source <source>', 'who reported the event, where several have the id')
    .option('--since <time>', 'where the event is older than 35 days: a time before it', asSince);
  action<[string], Options>(explain, async ({ session, args: [id], options }) => {
    if (id.startsWith('dec_')) return explainDecision(session, id);
    if (id.startsWith('res_')) return explainReservation(session, id);
    await explainEvent(session, id, options);
  });
}

async function explainDecision({ api, out }: Session, id: string): Promise<void> {
  const denial = await answerOf(api.GET('/v1/quota/decisions/{id}', { params: { path: { id } } }));
  out.answer(denial, () => {
    out.line(`Denied at ${second(denial.created_at)}: ${sentenceOf(denial)}.`);
    out.line();
    writeDenial(out, denial);
  });
}

function writeDenial(
  out: Output,
  { asked, booked, held, limits, ...denial }: Schema<'DeniedDecision'>,
): void {
  out.fields([
    ['decision', denial.id],
    ['limit', `${denial.limit.replaceAll('_', ' ')} of ${denial.scope}`],
    ['project', denial.project],
    ['model', asked.model ?? ''],
    ['request', asked.request_id ?? ''],
    [
      'asked for',
      [tokens(asked.input_tokens, 'input'), tokens(asked.max_output_tokens, 'output')]
        .filter((part) => part !== '')
        .join(', '),
    ],
    ['may cost', money(asked.hold_usd, 'unknown')],
    ['credits', money(limits.credits_usd, 'no limit')],
    ['month of the customer', ofLimit(booked.entity_month_usd, limits.entity_monthly_cap_usd)],
    ['year of the customer', ofLimit(booked.entity_year_usd, limits.entity_yearly_cap_usd)],
    [
      'month of the project',
      booked.project_month_usd === null
        ? ''
        : ofLimit(booked.project_month_usd, limits.project_monthly_cap_usd),
    ],
    [
      'held by others',
      `${money(held.entity_usd)} of ${count(held.entity_requests)} requests; in the project ${money(held.project_usd)} of ${count(held.project_requests)}`,
    ],
    [
      'books of',
      `${second(denial.state.as_of)}${denial.degraded ? ', while Redis or Postgres was unavailable' : ''}`,
    ],
    ['starts again', second(denial.resets_at, '')],
  ]);
}

function tokens(number: number | null, kind: string): string {
  return number === null ? '' : `${count(number)} ${kind} tokens`;
}

function ofLimit(used: string, limit: string | null): string {
  return `${money(used)} of ${money(limit, 'no limit')}`;
}

async function explainReservation(session: Session, id: string): Promise<void> {
  const { api, out } = session;
  const hold = await answerOrNull(api.GET('/v1/quota/reservations/{id}', { params: { path: { id } } }));
  if (hold === null) return explainEnded(session, id);
  out.answer(hold, () =>
    out.fields([
      ['reservation', hold.id],
      ['project', hold.project],
      ['model', hold.model ?? ''],
      ['request', hold.request_id ?? ''],
      ['holds', money(hold.hold_usd)],
      ['since', second(hold.created_at)],
      ['until', second(hold.expires_at)],
    ]),
  );
}

/** The name of its customer stands at the end of a reservation's id. */
async function explainEnded({ api, out }: Session, id: string): Promise<void> {
  const entity = id.slice(id.indexOf('.') + 1);
  const path = { entity };
  const events = await answerOrNull(
    api.GET('/v1/entities/{entity}/events', { params: { path, query: { reservation_id: id } } }),
  );
  const [event] = events?.data ?? [];
  if (event === undefined)
    throw missing(
      `${id} holds nothing, and no usage has ended it: it was released, its time has passed, or its usage still waits (tally queue).`,
    );
  out.answer(event, () => {
    out.line(`${id} has ended: its usage was counted.`);
    out.line();
    writeEvent(out, event);
  });
}

async function explainEvent(session: Session, id: string, options: Options): Promise<void> {
  const { entity, ...others } = options;
  if (entity === undefined)
    throw new WrongUse(`--entity must say whose event ${id} is: tally explain ${id} --entity acme`);
  const events = await eventsOf(session, id, { entity, ...others });
  if (events.length === 0)
    throw missing(
      `${entity} has no counted event ${id}. It may wait (tally queue), be a dead letter (tally dead-letters list --entity ${entity}), or be older than 35 days (--since).`,
    );
  session.out.answer({ object: 'list', data: events, has_more: false }, () =>
    events.forEach((event, number) => {
      if (number > 0) session.out.line();
      writeEvent(session.out, event);
    }),
  );
}
