/** What can go wrong, each as it happens to a running installation. Every fault ends by itself; what it has broken is mended later. */
import { setTimeout as delay } from 'node:timers/promises';
import { COMMIT } from '../support/fault-proxy.js';
import type { Installation, Machine } from '../support/installation.js';
import type { OwnPostgres } from '../support/own-postgres.js';
import { until } from '../support/until.js';
import type { Random } from './random.js';

export type Broken = {
  readonly tally: Installation;
  readonly postgres: OwnPostgres;
  readonly random: Random;
};

type Fault = {
  /** Runs to the end of the fault. False where it met nobody. */
  readonly happen: (broken: Broken) => Promise<boolean | void>;
  /** What Redis held in memory only is gone: holds in flight, and jobs that the producer must send again. */
  readonly losesRedis?: boolean;
  /** Strikes while admins change things: it waits for a commit of theirs. */
  readonly meetsChanges?: boolean;
};

const REVIVE_SECONDS_MAX = 90;
/** How long a break point waits for somebody to come to it. */
const TRAP_MS = 1_500;

/** As often as it takes: what it needs may be broken too. */
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

/** At the very word: the commit is lost, or it is made and nobody hears of it. */
function atCommit(who: (broken: Broken) => Machine, when: 'said' | 'answered', dies: boolean): Fault {
  return {
    async happen(broken) {
      const machine = who(broken);
      const wire = machine.wires.postgres;
      const doing = dies ? () => machine.service.kill() : () => {};
      const sprung = wire.breakAt({ text: COMMIT, when, doing }).then(() => true);
      const hit = await Promise.race([sprung, delay(TRAP_MS, false, { ref: false })]);
      wire.forgetBreaks();
      await revive(machine);
      return hit;
    },
  };
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
  'commit of a worker lost': atCommit(worker, 'said', false),
  'commit of a worker unanswered': atCommit(worker, 'answered', false),
  'worker killed after its commit': atCommit(worker, 'answered', true),
  'commit of an API lost': { ...atCommit(api, 'said', false), meetsChanges: true },
  'commit of an API unanswered': { ...atCommit(api, 'answered', false), meetsChanges: true },
  'API killed after its commit': { ...atCommit(api, 'answered', true), meetsChanges: true },
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
  'slow wire from an API to Redis': slowing(api, 'redis'),
  'Postgres crashes and recovers': {
    async happen(broken) {
      await broken.postgres.crash();
      await aWhile(broken);
      await broken.postgres.restart();
    },
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
  'Redis loses the quota keys': {
    losesRedis: true,
    async happen({ tally }) {
      const keys = await tally.queue.redis.keys('tally:*');
      if (keys.length > 0) await tally.queue.redis.del(...keys);
      return keys.length > 0;
    },
  },
};

/** Redis may be away: then nothing stalls. */
async function stallSoon({ tally }: Broken): Promise<boolean> {
  const stalled = tally.queue.stall().then(
    () => true,
    () => false,
  );
  return Promise.race([stalled, delay(TRAP_MS, false, { ref: false })]);
}
