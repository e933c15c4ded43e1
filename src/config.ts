/** The environment → one frozen Config. Nothing else reads process.env, and one error lists everything that is wrong. */
import { REDIS_PREFIX_PATTERN, redisUrlProblems, USAGE_SHARDS_MAX } from '@tally/client/protocol';
import { z } from 'zod';
import { expectationOf } from './http/expectations.js';
import { databaseUrlProblems, schemaOf } from './platform/database-address.js';
import { isStrongSecret, STRONG_SECRET } from './domain/secret-strength.js';
import { LOG_LEVELS, type LogLevel } from './platform/logger.js';
import { OTLP_FIELDS, otlpOf, type OtlpSettings } from './otlp-settings.js';
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

const POOL_EXPECTED = 'must be a number of connections from 3 to 500';

const URL_EXPECTED = {
  postgres: 'must be a URL such as postgresql://user:password@host:5432/tally, with one host',
  smtp: 'must be a URL such as smtp://user:password@host:587 or smtps://host:465',
};

const SHARDS_EXPECTED = `must be a number of queues from 1 to ${USAGE_SHARDS_MAX}`;

const DRAIN_SECONDS_MAX = 60;
const DRAIN_EXPECTED = `must be a number of seconds from 0 to ${DRAIN_SECONDS_MAX}`;

const PORT_EXPECTED = 'must be a port number from 0 to 65535';

/** What stands in documents and headers on one line: no control characters. */
const ONE_LINE = /^[^\p{C}\p{Zl}\p{Zp}]{1,200}$/u;
const LINES = /^(?:[^\p{C}\p{Zl}\p{Zp}]|\n){1,1000}$/u;

const ORIGINS_MAX = 100;
const ORIGINS_EXPECTED =
  'must be origins such as https://console.example.com, comma separated, without a path and without *';

const MAIL_ADDRESS = /^(?:[^\p{C}<>"]{1,200}<)?[^\s@<>",;]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})>?$/u;

const Environment = z.object({
  PORT: z.string().default('3000').pipe(port()),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  ROLE: z.enum(['api', 'worker', 'all'], 'must be api, worker or all').default('all'),
  DATABASE_URL: databaseUrl(),
  DATABASE_POOL_SIZE: z
    .string()
    .regex(/^\d{1,3}$/, POOL_EXPECTED)
    .default('10')
    .transform(Number)
    .refine((size) => size >= 3 && size <= 500, POOL_EXPECTED),
  DATABASE_PREPARE: z.enum(['on', 'off'], 'must be on or off').default('on'),
  MIGRATE_DATABASE_URL: databaseUrl(),
  REPORTS_DATABASE_URL: databaseUrl(),
  REDIS_URL: redisUrl(),
  QUEUE_REDIS_URL: redisUrl(),
  REDIS_PREFIX: z
    .string()
    .regex(
      REDIS_PREFIX_PATTERN,
      'must have 1 to 64 letters, digits, dots, colons, underscores and hyphens, such as staging',
    )
    .optional(),
  QUEUE_SHARDS: z
    .string()
    .regex(/^\d{1,2}$/, SHARDS_EXPECTED)
    .default('1')
    .transform(Number)
    .refine((shards) => shards >= 1 && shards <= USAGE_SHARDS_MAX, SHARDS_EXPECTED),
  DATA_DIR: z
    .string()
    .regex(/^[^\p{Cc}]{1,4000}$/u, 'must be the path of a directory')
    .default('.data'),
  // A guessed one opens everything.
  ADMIN_API_KEY: z.string().refine(isStrongSecret, STRONG_SECRET).optional(),
  QUOTA_DENIED_STATUS: z
    .enum(['429', '402'], 'must be 429 or 402')
    .default('429')
    .transform((status) => (status === '402' ? 402 : 429)),
  QUOTA_FAIL_MODE: z.enum(['closed', 'open'], 'must be closed or open').default('closed'),
  UNPRICED_MODELS: z.enum(['deny', 'admit'], 'must be deny or admit').default('deny'),
  WEBHOOK_ALLOW_PRIVATE: z.enum(['true', 'false'], 'must be true or false').default('false'),
  SELLER_NAME: z.string().trim().regex(ONE_LINE, 'must be one line of 1 to 200 characters').default('Tally'),
  SELLER_ADDRESS: z
    .string()
    .transform((text) => text.replaceAll('\r\n', '\n').trim())
    .refine((text) => LINES.test(text), 'must have 1 to 1000 characters, line breaks included')
    .optional(),
  METRICS_PORT: port().optional(),
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((origins) => origins.length <= ORIGINS_MAX && origins.every(isOrigin), ORIGINS_EXPECTED)
    .optional(),
  SMTP_URL: urlOf(['smtp:', 'smtps:'], URL_EXPECTED.smtp),
  SMTP_FROM: z
    .string()
    .trim()
    .refine(
      isMailAddress,
      'must be a mail address such as billing@example.com or Tally <billing@example.com>',
    )
    .optional(),
  DRAIN_SECONDS: z
    .string()
    .regex(/^\d{1,2}$/, DRAIN_EXPECTED)
    .default('3')
    .transform(Number)
    .refine((seconds) => seconds <= DRAIN_SECONDS_MAX, DRAIN_EXPECTED),
  MIGRATE: z.enum(['start', 'off'], 'must be start or off').default('start'),
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

function port() {
  return z
    .string()
    .regex(/^\d{1,5}$/, PORT_EXPECTED)
    .transform(Number)
    .refine((number) => number <= 65_535, PORT_EXPECTED);
}

/** As a browser sends it. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** An address alone, or a name and the address in angle brackets. */
function isMailAddress(text: string): boolean {
  return MAIL_ADDRESS.test(text) && text.includes('<') === text.endsWith('>');
}

function databaseUrl() {
  return urlOf(['postgres:', 'postgresql:'], URL_EXPECTED.postgres, databaseUrlProblems);
}

/** Every form that the client's protocol reads. */
function redisUrl() {
  return z
    .string()
    .superRefine((text, context) => {
      for (const message of redisUrlProblems(text)) context.addIssue({ code: 'custom', message });
    })
    .optional();
}

function urlOf(
  protocols: readonly string[],
  message: string,
  problemsOf: (url: string) => string[] = () => [],
) {
  const isUrl = (text: string): boolean => {
    if (!URL.canParse(text)) return false;
    const { protocol, hostname } = new URL(text);
    return protocols.includes(protocol) && (hostname !== '' || !protocol.startsWith('smtp'));
  };
  return z
    .string()
    .refine(isUrl, { message, abort: true })
    .superRefine((text, context) => {
      for (const problem of problemsOf(text)) context.addIssue({ code: 'custom', message: problem });
    })
    .optional();
}
