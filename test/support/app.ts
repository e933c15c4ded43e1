/** The very app that `npm start` serves, on a free port, over a database and a Redis of the test's own. */
import 'reflect-metadata';
import { createApp } from '../../src/app.module.js';
import { readConfig, type Role } from '../../src/config.js';
import { ensureFirstAdminKey } from '../../src/access/first-admin-key.js';
import type { Clock } from '../../src/platform/clock.js';
import { JobRunner } from '../../src/jobs/job-runner.js';
import { Logger } from '../../src/platform/logger.js';
import { connectAll, disconnectAll } from '../../src/platform/redis-connections.js';
import { untilReady } from './redis-connection.js';
import { openTracing } from '../../src/platform/tracing.js';
import type { KeyRole } from '../../src/domain/key-roles.js';
import { Database } from '../../src/platform/database.js';
import { isPooled } from '../../src/platform/pooled-sessions.js';
import { SERVICE_ROLE } from '../../src/platform/service-role.js';
import { aDatabase, type DatabaseOptions, type TestDatabase } from './database.js';
import { clearOfMonthEnd } from './month-end.js';
import { aRedis, type TestRedis } from './redis.js';
import { seed } from './seed.js';
import { TestClock } from './test-clock.js';
import { until } from './until.js';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; null where it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads fields of answers of every shape
  readonly body: any;
};

export type CallOptions = {
  /** Sent as JSON; a string or bytes are sent as they are. */
  readonly body?: unknown;
  /** The admin key where it is left out; null sends none. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** False takes a job as the answer; otherwise what comes of it is the answer. */
  readonly waits?: boolean;
};

export type TestApp = {
  readonly url: string;
  readonly adminKey: string;
  readonly clock: Clock;
  readonly database: Database;
  readonly postgres: TestDatabase;
  readonly redis: TestRedis;
  /** `call('POST /v1/admin/keys', { body })`. */
  call(request: string, options?: CallOptions): Promise<Answer>;
  /** Sets limits, as an admin does, of an entity or of `entity/project`; what does not exist yet is created first. */
  limit(subject: string, limits: object): Promise<Answer>;
  /** A new key's secret; without an entity it serves all. */
  key(role: KeyRole, entity?: string): Promise<string>;
  close(): Promise<void>;
};

export const ADMIN_KEY = 'sk-tally-test-admin-Qp2wZr9tLk4mHs6d';

export async function anApp(
  options: {
    role?: Role;
    clock?: Clock;
    environment?: Record<string, string>;
    postgres?: DatabaseOptions;
    /** What stands between the app and its database, such as a pooler: the address to use in place of the database's own. */
    through?: (url: string) => Promise<string>;
  } = {},
): Promise<TestApp> {
  const { role = 'api', clock = new TestClock() } = options;
  if (!(clock instanceof TestClock)) await clearOfMonthEnd();
  const [postgres, redis] = await Promise.all([aDatabase(options.postgres), aRedis()]);
  const databaseUrl = (await options.through?.(postgres.url)) ?? postgres.url;
  const config = readConfig({
    PORT: '0',
    ROLE: role,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    ADMIN_API_KEY: ADMIN_KEY,
    ...options.environment,
  });
  const pooled = options.through !== undefined && (await isPooled(databaseUrl));
  const database = new Database({
    url: options.through === undefined ? postgres.serviceUrl : databaseUrl,
    ...(pooled && { pooled: { role: SERVICE_ROLE } }),
    connectionsMax: config.databasePoolSize,
    prepares: config.databasePrepares,
  });
  await seed(database);
  await ensureFirstAdminKey(database, config, () => {});
  const connections = connectAll({ ...config, redisUrl: config.redisUrl ?? redis.url });
  await Promise.all(Object.values(connections).map(({ client }) => untilReady(client)));
  const logger = new Logger('silent');
  const tracing =
    config.otlp === null
      ? null
      : await openTracing({ ...config.otlp, version: '0', instance: 'test' }, logger);
  const app = await createApp({ config, database, redis: connections, clock, logger, tracing });
  await app.listen(0, '127.0.0.1');
  // An API leaves long work to the workers; here there are none beside it.
  if (role === 'api') app.get(JobRunner).start();
  const url = await app.getUrl();
  const call = callerOf(url);
  return {
    url,
    adminKey: ADMIN_KEY,
    clock,
    database,
    postgres,
    redis,
    call,
    limit: (subject, limits) => setLimits(call, subject, limits),
    async key(role, entity) {
      const { body } = await call('POST /v1/admin/keys', {
        body: {
          name: 'test',
          role,
          entity: entity ?? null,
        },
      });
      return String(body.secret);
    },
    async close() {
      await app.close();
      await tracing?.close();
      disconnectAll(connections);
      await database.close();
      await Promise.all([postgres.drop(), redis.stop()]);
    },
  };
}

export async function setLimits(call: TestApp['call'], subject: string, limits: object): Promise<Answer> {
  const [entity = '', project] = subject.split('/');
  const path = `/v1/admin/entities/${entity}`;
  if ((await call(`GET ${path}`)).status === 404) await call(`PUT ${path}`, { body: { plan: 'free' } });
  if (project === undefined) return call(`PATCH ${path}/limits`, { body: limits });
  return call(`PUT ${path}/projects/${project}`, { body: limits });
}

export function callerOf(url: string): TestApp['call'] {
  const call: TestApp['call'] = async (request, { body, key = ADMIN_KEY, headers, waits = true } = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, text, body: jsonOrNull(text) };
    return isAJob(answer) && waits ? untilDone(answer, (path) => call(`GET ${path}`, { key })) : answer;
  };
  return call;
}

function isAJob({ status, body }: Answer): boolean {
  return status === 202 && body?.object === 'job';
}

/** What a request whose work takes longer than it waits would have answered. */
async function untilDone(answer: Answer, read: (path: string) => Promise<Answer>): Promise<Answer> {
  let job = answer;
  await until('the job has ended', async () => {
    job = await read(`/v1/admin/jobs/${answer.body.id}`);
    return ['done', 'failed'].includes(job.body.status);
  });
  const { result, error } = job.body;
  const headers = new Headers(answer.headers);
  headers.delete('location');
  return {
    ...answer,
    headers,
    status: error === null ? 200 : 500,
    text: JSON.stringify(result),
    body: result ?? { error },
  };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
