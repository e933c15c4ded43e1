/**
 * Removes a person from everything that names them: usage that waits in the queue, events, roll-ups, dead letters and conflicts. Amounts and
 * counts stay. It may be repeated, and run on while usage is counted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { Database } from '../platform/database.js';
import { UsageQueue } from '../platform/queues.js';
import {
  clearRolledUpDay,
  discardBuild,
  eraseFromConflicts,
  eraseFromEvents,
  eraseFromRollUps,
  findPayloads,
  findUsageDays,
  setPayloads,
  type EntityDay,
  type Payload,
} from './erasures.sql.js';
import { columnsOf, needleOf, withoutPerson, type Person } from './person.js';

const PAYLOADS_PAGE = 100;

/** How long it waits for workers to finish the jobs that they had taken when the queue was looked at. */
const ACTIVE_MS_MAX = 60_000;
const ACTIVE_LOOK_MS = 100;

export type ErasureOrder = { readonly entity: string; readonly person: Person };

/** In how many of each the person was named. */
export type ErasureCounts = {
  readonly queuedEvents: number;
  readonly events: number;
  readonly rollUps: number;
  readonly deadLetters: number;
  readonly conflicts: number;
};

type Watch = { readonly signal: AbortSignal; readonly progress: (share: number) => void };

@Injectable()
export class Erasures {
  constructor(
    private readonly database: Database,
    private readonly accounts: Accounts,
    private readonly queue: UsageQueue,
  ) {}

  /** First what is not counted yet, so that nothing that names the person is counted behind it. */
  async erase(order: ErasureOrder, { signal, progress }: Watch): Promise<ErasureCounts> {
    const queuedEvents = await this.eraseFromQueue(order, signal);
    progress(0.2);
    const deadLetters = await this.eraseFromDeadLetters(order, signal);
    const conflicts = await eraseFromConflicts(this.database.reader, {
      entity: order.entity,
      ...columnsOf(order.person),
    });
    progress(0.3);
    let [events, rollUps] = [0, 0];
    const days = await findUsageDays(this.database.reader, order.entity);
    for (const [place, day] of days.entries()) {
      signal.throwIfAborted();
      progress(0.3 + (0.7 * place) / days.length);
      const erased = await this.eraseFromDay(day, order.person);
      events += erased.events;
      rollUps += erased.rollUps;
    }
    return { queuedEvents, events, rollUps, deadLetters, conflicts };
  }

  private async eraseFromDay(of: EntityDay, person: Person): Promise<{ events: number; rollUps: number }> {
    const whom = columnsOf(person);
    return this.database.transaction(async (tx) => {
      await this.accounts.lock(tx, [of.entity]);
      await discardBuild(tx, of);
      const rollUps = whom.user === null ? 0 : await eraseFromRollUps(tx, { ...of, user: whom.user });
      const events = await eraseFromEvents(tx, { ...of, ...whom });
      // By the tags of its events, or by the user's name in somebody else's, roll-ups cannot be told apart.
      if (events > 0) await clearRolledUpDay(tx, of);
      return { events, rollUps };
    });
  }

  private async eraseFromDeadLetters({ entity, person }: ErasureOrder, signal: AbortSignal): Promise<number> {
    const needle = needleOf(person);
    let erased = 0;
    for (let after: Payload | null = null; ;) {
      signal.throwIfAborted();
      const page: Payload[] = await findPayloads(this.database.reader, {
        entity,
        needle,
        after,
        limit: PAYLOADS_PAGE,
      });
      const changed = page.flatMap((each) => {
        const payload = payloadWithout(each.payload, person);
        return payload === null ? [] : [{ ...each, payload }];
      });
      if (changed.length > 0) await setPayloads(this.database.reader, changed);
      erased += changed.length;
      if (page.length < PAYLOADS_PAGE) return erased;
      after = page.at(-1)!;
    }
  }

  /** Jobs that a worker has taken already are waited for: their events are counted, and found there. */
  private async eraseFromQueue({ entity, person }: ErasureOrder, signal: AbortSignal): Promise<number> {
    let erased = 0;
    for await (const job of this.queue.keptJobs()) {
      signal.throwIfAborted();
      const bodies: readonly unknown[] = Array.isArray(job.data) ? job.data : [job.data];
      const cleaned = bodies.map((body) => (isOf(body, entity) ? withoutPerson(body, person) : null));
      const count = cleaned.filter((body) => body !== null).length;
      if (count === 0) continue;
      const data = bodies.map((body, place) => cleaned[place] ?? body);
      await job.updateData(Array.isArray(job.data) ? data : data[0]);
      erased += count;
    }
    let active = await this.queue.activeJobs();
    for (const until = performance.now() + ACTIVE_MS_MAX; active.length > 0 && performance.now() < until;) {
      await delay(ACTIVE_LOOK_MS, undefined, { signal });
      const still = new Set(await this.queue.activeJobs());
      active = active.filter((job) => still.has(job));
    }
    return erased;
  }
}

/** Whose event it is, as far as its subject tells; a body that is text is looked at too. */
function isOf(body: unknown, entity: string): boolean {
  if (typeof body === 'string') return body.includes(entity);
  const subject: unknown =
    typeof body === 'object' && body !== null && 'subject' in body ? body.subject : null;
  return typeof subject === 'string' && subject.startsWith(`${entity}/`);
}

/** A dead letter holds one event, or all those of a job that was too large. */
function payloadWithout(payload: string, person: Person): string | null {
  const content: unknown = JSON.parse(payload);
  if (!Array.isArray(content)) {
    const cleaned = withoutPerson(content, person);
    return cleaned === null ? null : JSON.stringify(cleaned);
  }
  const cleaned = content.map((body) => withoutPerson(body, person));
  if (cleaned.every((body) => body === null)) return null;
  return JSON.stringify(content.map((body: unknown, place) => cleaned[place] ?? body));
}
