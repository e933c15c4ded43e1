/** The environment → one frozen Config. Nothing else reads process.env, and one error lists everything that is wrong. */
import { USAGE_SHARDS_MAX } from '@tally/client/protocol';
import { z } from 'zod';

export type Role = 'api' | 'worker' | 'all';

export type Config = {
  readonly port: number;
  readonly host: string;
  readonly role: Role;
  /** Null: the embedded server. */
  readonly databaseUrl: string | null;
  /** Connections for money and decisions; reports have half as many beside them. */
  readonly databasePoolSize: number;
  /** Off where a pooler keeps no prepared statements. */
  readonly databasePrepares: boolean;
  /** The owner of the tables, where the service has a user of its own. Null: `databaseUrl`. */
  readonly migrateDatabaseUrl: string | null;
  /** Null: the embedded server. */
  readonly redisUrl: string | null;
  /** Queues that usage is spread over, by entity. */
  readonly queueShards: number;
  readonly dataDir: string;
  readonly adminApiKey: string | null;
  readonly quotaDeniedStatus: 402 | 429;
  readonly quotaFailMode: 'closed' | 'open';
  /** What a reservation of a model without a price gets. */
  readonly unpricedModels: 'deny' | 'admit';
  /** Whether webhooks may reach this machine and its private networks. */
  readonly webhookAllowPrivate: boolean;
};

/** One sentence per problem of the environment. No value is repeated, because some are secrets. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const POOL_EXPECTED = 'must be a number of connections from 3 to 500';

/** Parameters that other programs give a database's URL, and that mean nothing here. */
const MEANINGLESS_PARAMETERS: Readonly<Record<string, string>> = {
  schema:
    'must not name a ?schema=: Tally keeps its tables in `public` of a database of its own, so name another database',
  connection_limit: 'must not have a ?connection_limit=: set DATABASE_POOL_SIZE',
  pool_timeout: 'must not have a ?pool_timeout=: it is fixed, remove it',
  pgbouncer:
    'must not have a ?pgbouncer=: remove it, and set DATABASE_PREPARE=off for a PgBouncer before 1.21',
};

const URL_EXPECTED = {
  postgres: 'must be a URL such as postgresql://user:password@host:5432/tally',
  redis: 'must be a URL such as redis://host:6379',
};

const SHARDS_EXPECTED = `must be a number of queues from 1 to ${USAGE_SHARDS_MAX}`;

const ADMIN_KEY = /^[\x21-\x7e]{8,255}$/;

const Environment = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number from 0 to 65535')
    .default('3000')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port number from 0 to 65535'),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  ROLE: z.enum(['api', 'worker', 'all'], 'must be api, worker or all').default('all'),
  DATABASE_URL: urlOf(['postgres:', 'postgresql:'], URL_EXPECTED.postgres, MEANINGLESS_PARAMETERS),
  DATABASE_POOL_SIZE: z
    .string()
    .regex(/^\d{1,3}$/, POOL_EXPECTED)
    .default('10')
    .transform(Number)
    .refine((size) => size >= 3 && size <= 500, POOL_EXPECTED),
  DATABASE_PREPARE: z.enum(['on', 'off'], 'must be on or off').default('on'),
  MIGRATE_DATABASE_URL: urlOf(['postgres:', 'postgresql:'], URL_EXPECTED.postgres),
  REDIS_URL: urlOf(['redis:', 'rediss:'], URL_EXPECTED.redis),
  QUEUE_SHARDS: z
    .string()
    .regex(/^\d{1,2}$/, SHARDS_EXPECTED)
    .default('1')
    .transform(Number)
    .refine((shards) => shards >= 1 && shards <= USAGE_SHARDS_MAX, SHARDS_EXPECTED),
  DATA_DIR: z.string().default('.data'),
  ADMIN_API_KEY: z.string().regex(ADMIN_KEY, 'must have 8 to 255 visible ASCII characters').optional(),
  QUOTA_DENIED_STATUS: z
    .enum(['429', '402'], 'must be 429 or 402')
    .default('429')
    .transform((status) => (status === '402' ? 402 : 429)),
  QUOTA_FAIL_MODE: z.enum(['closed', 'open'], 'must be closed or open').default('closed'),
  UNPRICED_MODELS: z.enum(['deny', 'admit'], 'must be deny or admit').default('deny'),
  WEBHOOK_ALLOW_PRIVATE: z.enum(['true', 'false'], 'must be true or false').default('false'),
});

/** An empty variable counts as unset, as in `PORT= npm start`. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(set);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  }
  const { data } = parsed;
  return Object.freeze({
    port: data.PORT,
    host: data.HOST,
    role: data.ROLE,
    databaseUrl: data.DATABASE_URL ?? null,
    databasePoolSize: data.DATABASE_POOL_SIZE,
    databasePrepares: data.DATABASE_PREPARE === 'on',
    migrateDatabaseUrl: data.MIGRATE_DATABASE_URL ?? null,
    redisUrl: data.REDIS_URL ?? null,
    queueShards: data.QUEUE_SHARDS,
    dataDir: data.DATA_DIR,
    adminApiKey: data.ADMIN_API_KEY ?? null,
    quotaDeniedStatus: data.QUOTA_DENIED_STATUS,
    quotaFailMode: data.QUOTA_FAIL_MODE,
    unpricedModels: data.UNPRICED_MODELS,
    webhookAllowPrivate: data.WEBHOOK_ALLOW_PRIVATE === 'true',
  });
}

function urlOf(
  protocols: readonly string[],
  message: string,
  refused: Readonly<Record<string, string>> = {},
) {
  const isUrl = (text: string): boolean => URL.canParse(text) && protocols.includes(new URL(text).protocol);
  return z
    .string()
    .refine(isUrl, { message, abort: true })
    .superRefine((text, context) => {
      const { searchParams } = new URL(text);
      for (const [parameter, problem] of Object.entries(refused))
        if (searchParams.has(parameter)) context.addIssue({ code: 'custom', message: problem });
    })
    .optional();
}
