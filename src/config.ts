/** The environment → one frozen Config. Nothing else reads process.env, and one error lists everything that is wrong. */
import { REDIS_PREFIX_PATTERN, USAGE_SHARDS_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { expectationOf } from './http/expectations.js';
import { schemaOf } from './platform/database-address.js';
import { isStrongSecret, STRONG_SECRET } from './domain/secret-strength.js';
import { LOG_LEVELS, type LogLevel } from './platform/logger.js';
import { OTLP_FIELDS, otlpOf, type OtlpSettings } from './otlp-settings.js';
import {
  choice,
  databaseUrl,
  mailAddress,
  mailServerUrl,
  oneLine,
  origins,
  port,
  redisUrl,
  severalLines,
  wholeNumber,
} from './environment-fields.js';
import { readVariables, type Variables } from './environment-files.js';

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
  /** A hot standby, for reports. Null: they are read where everything is. */
  readonly reportsDatabaseUrl: string | null;
  /** Null: the embedded server. */
  readonly redisUrl: string | null;
  /** The queue's. Null: `redisUrl`. */
  readonly queueRedisUrl: string | null;
  /** Before every key, where deployments share a Redis. */
  readonly redisPrefix: string | null;
  /** Queues that usage is spread over, by entity. */
  readonly queueShards: number;
  /** Replicas of Redis that must have usage before it is accepted over HTTP. */
  readonly queueReplicasMin: number;
  readonly dataDir: string;
  readonly adminApiKey: string | null;
  readonly quotaDeniedStatus: 402 | 429;
  readonly quotaFailMode: 'closed' | 'open';
  /** What a reservation of a model without a price gets. */
  readonly unpricedModels: 'deny' | 'admit';
  /** Whether webhooks may reach this machine and its private networks. */
  readonly webhookAllowPrivate: boolean;
  /** Who issues statements and FOCUS rows. */
  readonly sellerName: string;
  /** May have line breaks. */
  readonly sellerAddress: string | null;
  /** Where `/metrics` is served without a key. Null: only on the API's port, for a key. 0: any free port. */
  readonly metricsPort: number | null;
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Null: no mail is sent. */
  readonly smtpUrl: string | null;
  /** The sender of mail; never null where `smtpUrl` is set. */
  readonly smtpFrom: string | null;
  readonly logLevel: LogLevel;
  readonly otlp: OtlpSettings | null;
  readonly instanceName: string | null;
  /** How long an API that was told to end still answers, while `/readyz` says that it leaves. */
  readonly drainSeconds: number;
  /** Whether a start applies migrations; otherwise it refuses a database that lacks some. */
  readonly migratesAtStart: boolean;
};

/** One sentence per problem of the environment. No value is repeated, because some are secrets. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const Environment = z.object({
  PORT: z.string().default('3000').pipe(port()),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  ROLE: choice('api', 'worker', 'all').default('all'),
  DATABASE_URL: databaseUrl().optional(),
  DATABASE_POOL_SIZE: z
    .string()
    .default('10')
    .pipe(wholeNumber('a number of connections', { min: 3, max: 500 })),
  DATABASE_PREPARE: choice('on', 'off').default('on'),
  MIGRATE_DATABASE_URL: databaseUrl().optional(),
  REPORTS_DATABASE_URL: databaseUrl().optional(),
  REDIS_URL: redisUrl().optional(),
  QUEUE_REDIS_URL: redisUrl().optional(),
  REDIS_PREFIX: z
    .string()
    .regex(
      REDIS_PREFIX_PATTERN,
      'must have 1 to 64 letters, digits, dots, colons, underscores and hyphens, such as staging',
    )
    .optional(),
  QUEUE_SHARDS: z
    .string()
    .default('1')
    .pipe(wholeNumber('a number of queues', { min: 1, max: USAGE_SHARDS_MAX })),
  QUEUE_REPLICAS_MIN: z
    .string()
    .default('0')
    .pipe(wholeNumber('a number of replicas', { min: 0, max: 3 })),
  DATA_DIR: z
    .string()
    .regex(/^[^\p{Cc}]{1,4000}$/u, 'must be the path of a directory')
    .default('.data'),
  // A guessed one opens everything.
  ADMIN_API_KEY: z.string().refine(isStrongSecret, STRONG_SECRET).optional(),
  QUOTA_DENIED_STATUS: choice('429', '402')
    .default('429')
    .transform((status) => (status === '402' ? 402 : 429)),
  QUOTA_FAIL_MODE: choice('closed', 'open').default('closed'),
  UNPRICED_MODELS: choice('deny', 'admit').default('deny'),
  WEBHOOK_ALLOW_PRIVATE: choice('true', 'false').default('false'),
  SELLER_NAME: oneLine().default('Tally'),
  SELLER_ADDRESS: severalLines().optional(),
  METRICS_PORT: port().optional(),
  CORS_ORIGINS: origins().optional(),
  SMTP_URL: mailServerUrl().optional(),
  SMTP_FROM: mailAddress().optional(),
  DRAIN_SECONDS: z
    .string()
    .default('3')
    .pipe(wholeNumber('a number of seconds', { min: 0, max: 60 })),
  MIGRATE: choice('start', 'off').default('start'),
  ...OTLP_FIELDS,
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

/** The names of all variables, each of which may also come from the file that `<name>_FILE` names. */
export const VARIABLES: readonly string[] = Object.keys(Environment.shape);

type Values = Readonly<Partial<Record<string, string>>>;

const BESIDE = { MIGRATE_DATABASE_URL: 'as another user', REPORTS_DATABASE_URL: 'where it can be written' };

/** What no variable shows by itself. A rule says nothing where one of its variables is wrong already. */
const RULES: readonly { of: readonly string[]; isBroken: (values: Values) => boolean; problem: string }[] = [
  {
    of: ['SMTP_URL', 'SMTP_FROM'],
    isBroken: (set) => set['SMTP_URL'] !== undefined && set['SMTP_FROM'] === undefined,
    problem: 'SMTP_FROM must be set beside SMTP_URL: the sender of mail',
  },
  ...(['MIGRATE_DATABASE_URL', 'REPORTS_DATABASE_URL'] as const).flatMap((name) => [
    {
      of: ['DATABASE_URL', name],
      isBroken: (set: Values) => set[name] !== undefined && set['DATABASE_URL'] === undefined,
      problem: `DATABASE_URL must be set beside ${name}: the same database ${BESIDE[name]}`,
    },
    {
      of: ['DATABASE_URL', name],
      isBroken: ({ DATABASE_URL: url, [name]: other }: Values) =>
        url !== undefined && other !== undefined && schemaOf(url) !== schemaOf(other),
      problem: `${name} must name the same ?schema= as DATABASE_URL`,
    },
  ]),
];

/** Throws ConfigError with everything that is wrong. */
export function readConfig(environment: Variables = process.env): Config {
  const { values, problems } = readVariables(environment, VARIABLES);
  const parsed = Environment.safeParse(values, { error: expectationOf });
  const issues = parsed.error?.issues ?? [];
  const wrong = new Set(issues.map(({ path }) => path.join('.')));
  const broken = RULES.filter(({ of, isBroken }) => !of.some((name) => wrong.has(name)) && isBroken(values));
  const all = [
    ...problems,
    ...issues.map((issue) => `${issue.path.join('.')} ${issue.message}`),
    ...broken.map(({ problem }) => problem),
  ];
  if (!parsed.success || all.length > 0) throw new ConfigError(all);
  const { data } = parsed;
  return Object.freeze({
    port: data.PORT,
    host: data.HOST,
    role: data.ROLE,
    databaseUrl: data.DATABASE_URL ?? null,
    databasePoolSize: data.DATABASE_POOL_SIZE,
    databasePrepares: data.DATABASE_PREPARE === 'on',
    migrateDatabaseUrl: data.MIGRATE_DATABASE_URL ?? null,
    reportsDatabaseUrl: data.REPORTS_DATABASE_URL ?? null,
    redisUrl: data.REDIS_URL ?? null,
    queueRedisUrl: data.QUEUE_REDIS_URL ?? null,
    redisPrefix: data.REDIS_PREFIX ?? null,
    queueShards: data.QUEUE_SHARDS,
    queueReplicasMin: data.QUEUE_REPLICAS_MIN,
    dataDir: data.DATA_DIR,
    adminApiKey: data.ADMIN_API_KEY ?? null,
    quotaDeniedStatus: data.QUOTA_DENIED_STATUS,
    quotaFailMode: data.QUOTA_FAIL_MODE,
    unpricedModels: data.UNPRICED_MODELS,
    webhookAllowPrivate: data.WEBHOOK_ALLOW_PRIVATE === 'true',
    sellerName: data.SELLER_NAME,
    sellerAddress: data.SELLER_ADDRESS ?? null,
    metricsPort: data.METRICS_PORT ?? null,
    corsOrigins: Object.freeze([...new Set(data.CORS_ORIGINS)]),
    smtpUrl: data.SMTP_URL ?? null,
    smtpFrom: data.SMTP_FROM ?? null,
    logLevel: data.LOG_LEVEL,
    otlp: otlpOf(data),
    instanceName: data.INSTANCE_NAME ?? null,
    drainSeconds: data.DRAIN_SECONDS,
    migratesAtStart: data.MIGRATE === 'start',
  });
}
