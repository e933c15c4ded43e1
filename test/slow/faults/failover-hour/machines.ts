/** Two APIs behind HAProxy, by the example of the documentation, and two workers: each under an address that stays its own. */
import { readFile } from 'node:fs/promises';
import { freePort } from '../../../../src/platform/embedded/server-process.js';
import { ADMIN_KEY, callerOf, type Answer, type CallOptions } from '../../../support/app.js';
import { startHaproxy } from '../../../support/haproxy.js';
import { startService, type ServiceProcess } from '../../../support/service-process.js';
import { until } from '../../../support/until.js';

const HAPROXY = new URL('../../../../docs/proxies/haproxy.cfg', import.meta.url);

/** HAProxy needs half a second to see that an API leaves. */
const DRAIN_SECONDS = '2';

export type Machine = {
  readonly name: string;
  readonly role: 'api' | 'worker';
  readonly url: string;
  readonly service: ServiceProcess;
  /** Whether it was started, serves, and was not told to end. */
  readonly isServing: boolean;
  kill(): Promise<void>;
  /** In order; resolves with how it ended. */
  stop(): Promise<string>;
  start(): Promise<void>;
};

export type Machines = {
  readonly all: readonly Machine[];
  /** The door: HAProxy in front of the APIs. */
  readonly url: string;
  /** Of an admin. */
  readonly headers: Readonly<Record<string, string>>;
  /** As an admin, through the door; tries again while nobody answers it, or somebody says that it cannot now. */
  call(request: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
};

type Addresses = { readonly databaseUrl: string; readonly redisUrl: string };

export async function startMachines(addresses: Addresses): Promise<Machines> {
  const roles = ['api', 'api', 'worker', 'worker'] as const;
  const all: Machine[] = [];
  // The first one makes the tables.
  for (const [index, role] of roles.entries())
    all.push(await aMachine(`${role} ${(index % 2) + 1}`, role, addresses));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const configuration = (await readFile(HAPROXY, 'utf8'))
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:3001', new URL(all[0]!.url).host)
    .replace('127.0.0.1:3002', new URL(all[1]!.url).host);
  const proxy = await startHaproxy(configuration, `${url}/readyz`);
  return {
    all,
    url,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    call: (request, options) => untilAnswered(() => callerOf(url)(request, options)),
    async close() {
      await Promise.all(all.map((machine) => machine.kill()));
      await proxy.stop();
    },
  };
}

async function aMachine(name: string, role: 'api' | 'worker', addresses: Addresses): Promise<Machine> {
  const environment = {
    PORT: String(await freePort()),
    INSTANCE_NAME: name.replace(' ', '-'),
    DRAIN_SECONDS,
    QUEUE_REPLICAS_MIN: '1',
  };
  const run = () => startService({ role, ...addresses, environment });
  let service = await run();
  let isServing = true;
  return {
    name,
    role,
    url: service.url,
    get service() {
      return service;
    },
    get isServing() {
      return isServing;
    },
    async kill() {
      isServing = false;
      await service.kill();
    },
    stop() {
      isServing = false;
      return service.stop();
    },
    async start() {
      service = await run();
      isServing = true;
    },
  };
}

async function untilAnswered(ask: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | null = null;
  await until('the door answers', async () => {
    answer = await ask().catch(() => null);
    return answer !== null && ![502, 503, 504].includes(answer.status);
  });
  return answer!;
}
