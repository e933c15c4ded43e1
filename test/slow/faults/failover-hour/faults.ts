/** What happens to an installation in the hour, and when it is over: each fault waits for states, and mends what it broke. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { SERVER_PASSWORD, type RedisProcess, type SentinelSetup } from '../../../support/redis-kinds.js';
import { until } from '../../../support/until.js';
import type { AlertWatch } from './alert-watch.js';
import type { Door } from './door.js';
import type { Machine, Machines } from './machines.js';
import type { PostgresServers } from './postgres-servers.js';
import type { Watch } from './watch.js';

const ROOT = resolve(import.meta.dirname, '../../../..');

/** Sentinels leave a master that says nothing for ten minutes, but where they are to replace it. */
export const PATIENT_MS = 600_000;
const IMPATIENT_MS = 1_000;

/** What is shown of the log of a process that did not end in order. */
const LOG_END = 3_000;

export type World = {
  readonly postgres: PostgresServers;
  readonly redis: SentinelSetup;
  readonly machines: Machines;
  readonly door: Door;
  readonly watch: Watch;
  readonly alerts: AlertWatch;
};

export type Fault = {
  readonly name: string;
  /** Alerts whose expressions must be true meanwhile, and those of them that end with it. */
  readonly alerts: readonly string[];
  readonly passing: readonly string[];
  /** `alerted` resolves when Prometheus has seen the alerts. */
  readonly happen: (world: World, alerted: () => Promise<void>) => Promise<void>;
};

export const FAULTS: readonly Fault[] = [
  {
    name: 'Postgres: primary killed, standby promoted',
    alerts: ['TallyPostgresDown'],
    passing: ['TallyPostgresDown'],
    async happen(world, alerted) {
      const { postgres, watch } = world;
      await watch.during('postgres', {
        begin: () => postgres.killPrimary(),
        async meanwhile() {
          await underLoad(world);
          await alerted();
        },
        async repair() {
          await postgres.promoteStandby();
          await until('Postgres takes writes', () => succeeds(postgres.write()));
        },
      });
      await allReady(world);
      await postgres.addStandby();
    },
  },
  {
    name: 'Redis: master killed, replica promoted',
    alerts: ['TallyRedisDown'],
    passing: ['TallyRedisDown'],
    async happen(world, alerted) {
      const { redis, watch } = world;
      const master = await redis.master();
      await watch.during('redis', {
        begin: () => master.kill(),
        async meanwhile() {
          await underLoad(world);
          await alerted();
        },
        async repair() {
          await redis.waitFor(IMPATIENT_MS);
          await until('the Sentinels have another master', async () => (await redis.master()) !== master);
          const next = await redis.master();
          await until('it takes writes', () => takesWrites(next));
        },
      });
      await redis.waitFor(PATIENT_MS);
      await allReady(world);
      await master.revive();
      await until('it is a replica of the other', () => follows(master));
    },
  },
  {
    name: 'an API killed and started again',
    alerts: ['TallyProcessDown'],
    passing: ['TallyProcessDown'],
    happen: (world, alerted) => kill(world, world.machines.all[1]!, alerted),
  },
  {
    name: 'a worker killed and started again',
    alerts: ['TallyProcessDown'],
    passing: ['TallyProcessDown'],
    happen: (world, alerted) => kill(world, world.machines.all[2]!, alerted),
  },
  {
    name: 'a migration that fails half way',
    alerts: [],
    passing: [],
    happen: failMigration,
  },
  {
    name: 'all processes replaced in turn',
    alerts: [],
    passing: [],
    async happen(world) {
      for (const machine of world.machines.all) {
        const how = await machine.stop();
        if (how !== 'exit code 0')
          throw new Error(`${machine.name} ended with ${how}: ${machine.service.log().slice(-LOG_END)}`);
        await machine.start();
        await allReady(world);
      }
    },
  },
  {
    name: "the disk of Redis' master is full",
    alerts: ['TallyRedisDown'],
    passing: ['TallyRedisDown'],
    async happen(world, alerted) {
      const { redis, watch } = world;
      const master = await redis.master();
      await watch.during('redis', {
        async begin() {
          await master.fillDisk();
          await until('it refuses writes', async () => (await refusalOf(master)).startsWith('MISCONF'));
        },
        async meanwhile() {
          await underLoad(world);
          await alerted();
        },
        async repair() {
          await master.freeDisk();
          await until('it takes writes', () => takesWrites(master));
        },
      });
      await allReady(world);
    },
  },
];

/** Enough answers for every kind of call to be among them. */
export async function underLoad({ door }: World): Promise<void> {
  const before = door.seen.length;
  await until('requests were answered', () => door.seen.length > before + 200);
}

export async function allReady({ machines }: World): Promise<void> {
  for (const { name, url } of machines.all) {
    await until(`${name} is ready`, async () => {
      const answer = await fetch(`${url}/readyz`).catch(() => null);
      return answer !== null && ((await answer.json()) as { status: string }).status === 'ok';
    });
  }
}

async function kill(world: World, machine: Machine, alerted: () => Promise<void>): Promise<void> {
  await machine.kill();
  await underLoad(world);
  await alerted();
  await machine.start();
  await allReady(world);
}

/** A release with one migration more, which makes a table and fails in its second statement. */
async function failMigration(world: World): Promise<void> {
  const name = `29990101000000_fails_${Date.now()}`;
  const release = await mkdtemp(join(tmpdir(), 'tally-test-release-'));
  try {
    for (const part of ['node_modules', 'package.json', 'packages'])
      await symlink(join(ROOT, part), join(release, part));
    for (const part of ['dist', 'prisma'])
      await cp(join(ROOT, part), join(release, part), { recursive: true });
    const migration = join(release, 'prisma/migrations', name);
    await mkdir(migration);
    await writeFile(
      join(migration, 'migration.sql'),
      'create table half_done (a int); alter table half_done add column b int; select 1 / 0;',
    );
    const { code, printed } = await migrate(release, world.postgres.url);
    if (code !== 1 || !printed.includes('division by zero')) throw new Error(`${code}: ${printed}`);
    const left = await world.postgres.sql(`select to_regclass('half_done') as made`);
    if (left[0]?.['made'] !== null) throw new Error('the failed migration left a table');
    await underLoad(world);
    await allReady(world);
  } finally {
    await rm(release, { recursive: true });
  }
}

async function migrate(release: string, databaseUrl: string): Promise<{ code: number; printed: string }> {
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl };
  const child = spawn(process.execPath, [join(release, 'dist/main.js'), 'migrate'], { env });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, printed };
}

async function succeeds(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  );
}

/** On a connection of its own: the test's may be one that it has just lost. */
async function refusalOf({ port }: RedisProcess): Promise<string> {
  const redis = new Redis({ host: '127.0.0.1', port, password: SERVER_PASSWORD, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    await redis.set('probe', '1', 'PX', 1);
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    redis.disconnect();
  }
}

async function takesWrites(server: RedisProcess): Promise<boolean> {
  return (await refusalOf(server)) === '';
}

async function follows({ redis }: RedisProcess): Promise<boolean> {
  const replication = await redis.info('replication').catch(() => '');
  return replication.includes('role:slave') && replication.includes('master_link_status:up');
}
