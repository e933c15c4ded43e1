/** How long one customer waits for an event to be counted and for a decision, over HTTP, while another one makes trouble. */
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { ADMIN_KEY } from '../support/app.js';
import type { EntityName } from '../../src/domain/ids.js';
import { oneOf } from './ingest-usage.js';

export const NEIGHBOUR = 'bench-neighbour' as EntityName;
const MODEL = 'cw_Qwen_QwQ-32B';
const POLL_MS = 2;
const EVENT_PAUSE_MS = 25;
const DECISION_PAUSE_MS = 5;
/** An event that takes longer is not waited for. */
const COUNTED_MS_MAX = 60_000;

export type Delays = { readonly eventMs: readonly number[]; readonly decisionMs: readonly number[] };

export type Probe = {
  readonly url: string;
  /** Of its own, so that what it asks waits for nobody. */
  readonly sql: pg.Client;
  /** When the neighbour's events occur; null is now. */
  readonly occurredAt: Date | null;
};

/** From the request until it is over, as often as fits in. `isOver` is asked after each event. */
export async function probe(of: Probe, isOver: () => Promise<boolean>): Promise<Delays> {
  const [eventMs, decisionMs]: [number[], number[]] = [[], []];
  const run = { isEnded: false };
  const events = async () => {
    do {
      eventMs.push(await countedIn(of));
      await delay(EVENT_PAUSE_MS);
    } while (!(await isOver()));
    run.isEnded = true;
  };
  const decisions = async () => {
    while (!run.isEnded) {
      decisionMs.push(await decidedIn(of.url));
      await delay(DECISION_PAUSE_MS);
    }
  };
  await Promise.all([
    events().finally(() => {
      run.isEnded = true;
    }),
    decisions(),
  ]);
  return { eventMs, decisionMs };
}

/** Each batch that counts something of an account raises its version. */
async function countedIn({ url, sql, occurredAt }: Probe): Promise<number> {
  const version = async () => {
    const { rows } = await sql.query<{ version: string }>('select version from entities where name = $1', [
      NEIGHBOUR,
    ]);
    return Number(rows[0]?.version ?? 0);
  };
  const before = await version();
  const event = oneOf(NEIGHBOUR);
  const startedMs = performance.now();
  await post(
    `${url}/v1/usage/events`,
    occurredAt === null ? event : { ...event, time: occurredAt.toISOString() },
  );
  while ((await version()) === before) {
    if (performance.now() - startedMs > COUNTED_MS_MAX) throw new Error('the event was not counted');
    await delay(POLL_MS);
  }
  return performance.now() - startedMs;
}

async function decidedIn(url: string): Promise<number> {
  const body = { project: `${NEIGHBOUR}/p0`, model: MODEL, input_tokens: 1, max_output_tokens: 1 };
  const startedMs = performance.now();
  const { id } = await post(`${url}/v1/quota/reservations`, body);
  const ms = performance.now() - startedMs;
  await post(`${url}/v1/quota/reservations/${String(id)}/release`, {});
  return ms;
}

async function post(url: string, body: object): Promise<{ id?: string }> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text) as { id?: string };
}
