/** Processes that die at a chosen place: at a commit, or after it and before what it changed is published. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PUBLISH_STATES } from '../../src/quota/quota-scripts.js';
import { COMMIT } from '../support/fault-proxy.js';
import type { Machine } from '../support/installation.js';

/** How long a break point waits for a connection to come to it. */
export const TRAP_MS = 1_500;
/** The same where nothing else is at work. */
const CAUGHT_MS_MAX = 5_000;

/** How a process asks Redis for the script that publishes. */
const PUBLICATION = createHash('sha1').update(PUBLISH_STATES.text).digest('hex');

export type Trap = {
  readonly when: 'sent' | 'answered';
  /** What breaks besides the connection. */
  readonly doing?: (machine: Machine) => Promise<void>;
};

/** Breaks the connection at the commit, which is lost, or made but not answered. False where no connection came to it. */
export async function trapCommit(machine: Machine, { when, doing }: Trap): Promise<boolean> {
  const wire = machine.wires.postgres;
  const sprung = wire.breakAt({ text: COMMIT, when, doing: () => doing?.(machine) }).then(() => true);
  const hit = await Promise.race([sprung, delay(TRAP_MS, false, { ref: false })]);
  wire.removeBreaks();
  return hit;
}

/**
 * Kills all of them at once, each when it has committed and publishes what it has changed, which never arrives. One that comes there
 * early waits for the others. False where one of them published nothing.
 */
export async function dieUnpublished(machines: readonly Machine[]): Promise<boolean> {
  const caught = new Set<Machine>();
  let allAreThere = () => {};
  const together = new Promise<void>((resolve) => (allAreThere = resolve));
  const isOver = Promise.race([together, delay(TRAP_MS, undefined, { ref: false })]);
  const deaths = machines.map((machine) => {
    const doing = async (): Promise<void> => {
      caught.add(machine);
      if (caught.size === machines.length) allAreThere();
      await isOver;
      await machine.service.kill();
    };
    return machine.wires.redis.breakAt({ text: PUBLICATION, when: 'sent', doing });
  });
  await isOver;
  for (const { wires } of machines) wires.redis.removeBreaks();
  await Promise.all(deaths.filter((_, index) => caught.has(machines[index]!)));
  return caught.size === machines.length;
}

/** Kills the first of them that has committed and publishes. Null where none came to it. */
export async function firstDiesUnpublished(machines: readonly Machine[]): Promise<Machine | null> {
  const died = new Promise<Machine>((resolve) => {
    for (const machine of machines) {
      const doing = async (): Promise<void> => {
        for (const { wires } of machines) wires.redis.removeBreaks();
        await machine.service.kill();
        resolve(machine);
      };
      void machine.wires.redis.breakAt({ text: PUBLICATION, when: 'sent', doing });
    }
  });
  const victim = await Promise.race([died, delay(CAUGHT_MS_MAX, null, { ref: false })]);
  for (const { wires } of machines) wires.redis.removeBreaks();
  return victim;
}
