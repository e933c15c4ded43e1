/** The faults, as they happen to a running installation. Each ends by itself; what it has broken is repaired after the round. */
import { setTimeout as delay } from 'node:timers/promises';
import { dieUnpublished, TRAP_MS, trapCommit, type Trap } from './deaths.js';
import { JUMPS_MS, type JumpingClocks } from './jumping-clocks.js';
import type { Role } from '../../src/config.js';
import type { Installation, Machine } from '../support/installation.js';
import type { OwnPostgres } from '../support/own-postgres.js';
import { until } from '../support/until.js';
import { setPaused } from './queue-pauses.js';
import type { TestQueue } from '../support/usage-queue.js';
import type { Random } from './random.js';

export type Broken = {
  readonly tally: Installation;
  readonly postgres: OwnPostgres;
  readonly upkeep: TestQueue;
  readonly clocks: JumpingClocks;
  readonly random: Random;
};

type Fault = {
  /** Runs to the end of the fault. False where it met no work in flight. */
  readonly happen: (broken: Broken) => Promise<boolean | void>;
  /** Redis loses what it had only in memory: holds in flight, and jobs that the producer must send again. */
  readonly losesRedis?: boolean;
  /** Happens while admins make changes, because it waits for one of their commits. */
  readonly meetsChanges?: boolean;
};

const REVIVE_SECONDS_MAX = 180;

/** Retries until it succeeds: what the process needs may be broken too. */
export async function revive(machine: Machine): Promise<void> {
  await until(
    'a killed process runs again',
    () =>
      machine.revive().then(
        () => true,
        () => false,
      ),
    REVIVE_SECONDS_MAX,
  );
}

const worker = ({ tally, random }: Broken) =>
  random.pick(tally.machines.filter(({ role }) => role === 'worker'));
const api = ({ tally, random }: Broken) => random.pick(tally.machines.filter(({ role }) => role === 'api'));
const aWhile = ({ random }: Broken) => delay(random.int(50, 1_200));

function killing(who: (broken: Broken) => Machine): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      await machine.service.kill();
      await revive(machine);
    },
  };
}

function draining(who: (broken: Broken) => Machine): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      await machine.service.stop();
      await revive(machine);
    },
  };
}

type Wire = 'postgres' | 'redis';

function cutting(who: (broken: Broken) => Machine, wire: Wire): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      await machine.wires[wire].cut();
      await aWhile(broken);
      await machine.wires[wire].mend();
    },
  };
}

function hanging(who: (broken: Broken) => Machine, wire: Wire): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      machine.wires[wire].hang();
      await aWhile(broken);
      await machine.wires[wire].mend();
    },
  };
}

function slowing(who: (broken: Broken) => Machine, wire: Wire): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      machine.wires[wire].slowDown(broken.random.int(2, 40));
      await aWhile(broken);
      await machine.wires[wire].mend();
    },
  };
}

function atCommit(who: (broken: Broken) => Machine, trapOf: (broken: Broken) => Trap): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      const hit = await trapCommit(machine, trapOf(broken));
      await revive(machine);
      return hit;
    },
  };
}

/** The same for the worker that runs the scheduled jobs, which are queued at that moment. */
function inUpkeep(when: Trap['when']): Fault {
  return {
    meetsChanges: true,
    async happen(broken) {
      const { tally, upkeep } = broken;
      const workers = tally.machines.filter(({ role }) => role === 'worker');
      const hits = workers.map((machine) => trapCommit(machine, { when, doing: dying }));
      for (const name of ['close-periods', 'charge-unpriced']) await upkeep.add([{}], name);
      const hit = (await Promise.all(hits)).includes(true);
      await Promise.all(workers.map(revive));
      return hit;
    },
  };
}

/** All of them at once, after their commits and before what they changed is published. */
function unpublished(roles: readonly Role[]): Fault {
  return {
    // An API commits what admins change.
    meetsChanges: roles.includes('api'),
    async happen({ tally, random }) {
      const machines: Machine[] = [];
      for (const role of roles) {
        const others = tally.machines.filter(
          (machine) => machine.role === role && !machines.includes(machine),
        );
        if (others.length > 0) machines.push(random.pick(others));
      }
      const hit = await dieUnpublished(machines);
      await Promise.all(machines.map(revive));
      return hit && machines.length === roles.length;
    },
  };
}

function jumping(who: (broken: Broken) => Machine): Fault {
  return {
    async happen(broken) {
      const { clocks, random } = broken;
      const machine = who(broken);
      for (let count = random.int(1, 2); count > 0; count -= 1) {
        await clocks.set(machine, random.pick([1, -1]) * random.pick(JUMPS_MS));
        await aWhile(broken);
      }
      await clocks.set(machine, 0);
    },
  };
}

const dying = (machine: Machine) => machine.service.kill();

async function crash(broken: Broken): Promise<void> {
  await broken.postgres.crash();
  await aWhile(broken);
  await broken.postgres.restart();
}

/** Asks until an API has done it: both may be down, and so may Redis. */
async function pausing({ tally }: Broken, isPaused: boolean): Promise<void> {
  const isDone = (): Promise<boolean> =>
    setPaused((request, options) => tally.call(request, options), isPaused).then(
      () => true,
      () => false,
    );
  await until(`the queue is ${isPaused ? 'paused' : 'resumed'}`, isDone, REVIVE_SECONDS_MAX);
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  'worker killed': killing(worker),
  'API killed': killing(api),
  'worker drained and restarted': draining(worker),
  'API drained and restarted': draining(api),
  'worker stands still beyond its locks': {
    async happen(broken) {
      const { service } = worker(broken);
      service.freeze();
      await aWhile(broken);
      await stallSoon(broken);
      await aWhile(broken);
      service.thaw();
    },
  },
  'every job at work runs twice': { happen: (broken) => stallSoon(broken) },
  'commit of a worker lost': atCommit(worker, () => ({ when: 'sent' })),
  'commit of a worker unanswered': atCommit(worker, () => ({ when: 'answered' })),
  'worker killed before its commit': atCommit(worker, () => ({ when: 'sent', doing: dying })),
  'worker killed after its commit': atCommit(worker, () => ({ when: 'answered', doing: dying })),
  'worker killed in the upkeep before its commit': inUpkeep('sent'),
  'worker killed in the upkeep after its commit': inUpkeep('answered'),
  'commit of an API lost': { ...atCommit(api, () => ({ when: 'sent' })), meetsChanges: true },
  'commit of an API unanswered': { ...atCommit(api, () => ({ when: 'answered' })), meetsChanges: true },
  'API killed before its commit': {
    ...atCommit(api, () => ({ when: 'sent', doing: dying })),
    meetsChanges: true,
  },
  'API killed after its commit': {
    ...atCommit(api, () => ({ when: 'answered', doing: dying })),
    meetsChanges: true,
  },
  'Postgres crashes at the commit of an API': {
    ...atCommit(api, (broken) => ({ when: 'sent', doing: () => crash(broken) })),
    meetsChanges: true,
  },
  'worker killed between commit and publication': unpublished(['worker']),
  'API killed between commit and publication': unpublished(['api']),
  'two workers killed between commit and publication': unpublished(['worker', 'worker']),
  'worker and API killed between commit and publication': unpublished(['worker', 'api']),
  'clock of a worker jumps': jumping(worker),
  'clock of an API jumps': jumping(api),
  'worker cut from Postgres': cutting(worker, 'postgres'),
  'worker cut from Redis': cutting(worker, 'redis'),
  'API cut from Postgres': cutting(api, 'postgres'),
  'API cut from Redis': cutting(api, 'redis'),
  'Postgres does not answer a worker': hanging(worker, 'postgres'),
  'Redis does not answer a worker': hanging(worker, 'redis'),
  'Postgres does not answer an API': hanging(api, 'postgres'),
  'Redis does not answer an API': hanging(api, 'redis'),
  'slow wire from a worker to Postgres': slowing(worker, 'postgres'),
  'slow wire from a worker to Redis': slowing(worker, 'redis'),
  'slow wire from an API to Postgres': slowing(api, 'postgres'),
  'slow wire from an API to Redis': slowing(api, 'redis'),
  'a customer is locked': {
    async happen({ tally, random }) {
      const entities = await tally.sql<{ name: string }>('select name from entities order by name');
      if (entities.length === 0) return false;
      const holding = `with held as materialized (select name from entities where name = $1 for no key update)
        select pg_sleep($2) from held`;
      const seconds = random.int(50, 2_500) / 1_000;
      // Postgres may go away meanwhile, and the lock with it.
      const held = await tally.sql(holding, [random.pick(entities).name, seconds]).catch(() => []);
      return held.length > 0;
    },
  },
  'an admin pauses the queue and resumes it': {
    async happen(broken) {
      await pausing(broken, true);
      await aWhile(broken);
      await pausing(broken, false);
    },
  },
  'Postgres crashes and recovers': {
    happen: crash,
  },
  'Redis crashes and reads its file': {
    async happen(broken) {
      await broken.tally.redis.kill();
      await aWhile(broken);
      await broken.tally.redis.restart();
    },
  },
  'Redis loses everything': {
    losesRedis: true,
    async happen({ tally }) {
      await tally.queue.redis.flushall();
    },
  },
  'Redis loses one of two quota keys': {
    losesRedis: true,
    async happen({ tally, random }) {
      const keys = (await tally.queue.redis.keys('tally:*')).toSorted().filter(() => random.chance(0.5));
      if (keys.length > 0) await tally.queue.redis.del(...keys);
      return keys.length > 0;
    },
  },
  'Redis loses the quota keys': {
    losesRedis: true,
    async happen({ tally }) {
      const keys = await tally.queue.redis.keys('tally:*');
      if (keys.length > 0) await tally.queue.redis.del(...keys);
      return keys.length > 0;
    },
  },
};

/** Redis may be unavailable: then nothing stalls. */
async function stallSoon({ tally }: Broken): Promise<boolean> {
  const stalled = tally.queue.stall().then(
    () => true,
    () => false,
  );
  return Promise.race([stalled, delay(TRAP_MS, false, { ref: false })]);
}
