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
  DATABASE_URL: urlOf(['postgres:', 'postgresql:'], URL_EXPECTED.postgres),
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

function urlOf(protocols: readonly string[], message: string) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), message)
    .optional();
}
