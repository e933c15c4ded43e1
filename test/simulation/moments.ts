/** Races that chance seldom brings, brought about: one process is held back on the wire until another has overtaken it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BreakPoint } from '../support/fault-proxy.js';
import type { Installation } from '../support/installation.js';
import { until } from '../support/until.js';
import { jobOf } from './answers.js';
import { firstDiesUnpublished } from './deaths.js';
import { keyOf, type Delivery } from './facts.js';
import { revive } from './faults.js';

/** How long to wait for a process to come to the place where it is held back. */
const CAUGHT_MS_MAX = 5_000;
/** How long a change is given to come to where it waits. */
const GIVEN_MS = 3_000;

/** `isCaught` resolves when a worker sends the text to that server, which receives nothing more of it until `goOn`. */
function holdBack(
  tally: Installation,
  { wire, text }: { wire: 'postgres' | 'redis' } & Pick<BreakPoint, 'text'>,
): { isCaught: Promise<boolean>; goOn: () => void } {
  const wires = tally.machines.filter(({ role }) => role === 'worker').map((machine) => machine.wires[wire]);
  let goOn = () => {};
  const gone = new Promise<void>((resolve) => (goOn = resolve));
  const caught = new Promise<boolean>((resolve) => {
    const doing = () => {
      for (const other of wires) other.removeBreaks();
      resolve(true);
      return gone;
    };
    for (const one of wires) void one.breakAt({ text, when: 'sent', spare: true, doing });
  });
  return { isCaught: Promise.race([caught, delay(CAUGHT_MS_MAX, false, { ref: false })]), goOn };
}

/**
 * What a worker publishes for `delivery` reaches Redis after `overtake` has published a newer state of the same entity: states
 * arrive out of order. Nothing else may publish meanwhile, because that would repair the mistake.
 */
export async function publishLate(
  tally: Installation,
  { delivery, overtake }: { delivery: Delivery; overtake: () => Promise<void> },
): Promise<boolean> {
  const text = `tally:{${delivery.facts!.entity}}:state`;
  const { isCaught, goOn } = holdBack(tally, { wire: 'redis', text });
  await tally.queue.add([jobOf([delivery])]);
  const hit = await isCaught;
  await overtake();
  goOn();
  await tally.queue.drained();
  return hit;
}

/**
 * Two batches burn the same credits, which do not cover both. The first has read them and not yet burnt them when the second
 * begins: the second must set the customer aside, and read later what the first has left.
 */
export async function overlap(
  tally: Installation,
  [first, second]: readonly [Delivery, Delivery],
): Promise<boolean> {
  const { isCaught, goOn } = holdBack(tally, { wire: 'postgres', text: 'close_usage_batch' });
  await tally.queue.add([jobOf([first])]);
  const hit = await isCaught;
  await tally.queue.add([jobOf([second])]);
  const isThrough = async () => {
    const sql = `select from rated_events where concat_ws(' ', source, id) = $1`;
    return (await tally.sql(sql, [keyOf(second.facts!)])).length > 0;
  };
  const isAtWork = async () => (await tally.queue.queue.getActiveCount()) > 1;
  await until('the second batch is at work or through', async () => (await isAtWork()) || isThrough());
  goOn();
  await tally.queue.drained();
  return hit;
}

/**
 * Asks for a change while a batch has read what the change is about and not yet written what it counts. The change must wait for it, and
 * begin with what it leaves. `order` resolves when the change is made.
 */
export async function besideBatch(
  tally: Installation,
  { delivery, order }: { delivery: Delivery; order: () => Promise<void> },
): Promise<boolean> {
  const { isCaught, goOn } = holdBack(tally, { wire: 'postgres', text: 'close_usage_batch' });
  await tally.queue.add([jobOf([delivery])]);
  const hit = await isCaught;
  let isMade = false;
  const made = order().finally(() => (isMade = true));
  const isWaiting = async () =>
    (await tally.sql(`select from pg_stat_activity where wait_event_type = 'Lock'`)).length > 0;
  // An erasure waits for the job itself, and for no lock.
  const given = delay(GIVEN_MS, true, { ref: false });
  await Promise.race([until('the change waits or is made', async () => isMade || isWaiting()), given]);
  goOn();
  await tally.queue.drained();
  await made;
  return hit;
}

/**
 * The worker that counts `delivery` dies when it has committed and published nothing. Its job runs again and must publish: nothing else
 * does, so decisions would go on by the state from before.
 */
export async function dieUnpublished(tally: Installation, delivery: Delivery): Promise<boolean> {
  const dying = firstDiesUnpublished(tally.machines.filter(({ role }) => role === 'worker'));
  await tally.queue.add([jobOf([delivery])]);
  const victim = await dying;
  if (victim !== null) await revive(victim);
  await tally.queue.drained();
  return victim !== null;
}

/** Events of one customer, and behind them one of each other: how many batches of the first were counted before the last of the others. */
export async function flood(
  tally: Installation,
  { jobs, others }: { jobs: readonly (readonly Delivery[])[]; others: readonly Delivery[] },
): Promise<number> {
  const { entity } = jobs[0]![0]!.facts!;
  await tally.queue.queue.pause();
  await tally.queue.add(jobs.map(jobOf));
  await tally.queue.add(others.map((delivery) => jobOf([delivery])));
  await tally.queue.queue.resume();
  await tally.queue.drained();
  const [row] = await tally.sql<{ batches: number }>(FLOODED, [
    entity,
    others.map(({ facts }) => keyOf(facts!)),
  ]);
  return row!.batches;
}

/** A batch is a transaction, and their numbers rise. */
const FLOODED = `
  select count(distinct e.xmin::text)::integer as batches from usage_events e
  where e.entity = $1 and e.xmin::text::bigint < (
    select max(o.xmin::text::bigint) from usage_events o join rated_events r using (entity, identity, occurred_at)
    where concat_ws(' ', r.source, r.id) = any($2::text[]))`;
