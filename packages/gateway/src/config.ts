/** The gateway's environment, checked at once and frozen. Nothing else in the gateway reads `process.env`. */
import { hostname } from 'node:os';
import {
  NAME_PATTERN,
  REDIS_PREFIX_PATTERN,
  RedisAddressError,
  redisAddressOf,
} from '@tally/client/protocol';
import { z } from 'zod';

export type GatewayConfig = Readonly<z.infer<typeof environment>>;

/** For a look at the canned model. Everybody knows it. */
const DEFAULT_KEYS = 'some-key-value:entity1';

/** The message has one line for each variable that is wrong. */
export class ConfigError extends Error {}

export function loadConfig(env: NodeJS.ProcessEnv = process.env): GatewayConfig {
  const read = environment.safeParse(env);
  if (read.success) return Object.freeze(read.data);
  const problems = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (env['GATEWAY_UPSTREAM_URL'] && !env['GATEWAY_KEYS'])
    problems.push(
      'GATEWAY_KEYS: must be set where there is an upstream: the default key is one that everybody knows',
    );
  throw new ConfigError(problems.join('\n'));
}

/** An empty variable counts as unset. */
const unset = (value: unknown) => (value === '' ? undefined : value);

const whole = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

const integer = (fallback: string, min: number, max: number) =>
  z.preprocess(unset, whole(min, max).prefault(fallback));

/** The entity follows the last colon: a key may have colons. */
const callerKeys = z
  .string()
  .transform((list) => list.split(',').map((pair) => pair.trim()))
  .refine((pairs) => pairs.every(namesEntity), {
    error: 'must be key:entity, comma separated',
  })
  .transform((pairs) => pairs.map((pair) => splitAt(pair, pair.lastIndexOf(':'))))
  .refine((pairs) => new Set(pairs.map(([key]) => key)).size === pairs.length, { error: 'names a key twice' })
  .transform((pairs): ReadonlyMap<string, string> => new Map(pairs));

/** An empty list blocks no country. */
const countries = z
  .string()
  .transform((list) => (list.trim() === '' ? [] : list.split(',').map((code) => code.trim().toUpperCase())))
  .refine((codes) => codes.every((code) => /^[A-Z][A-Z0-9]$/.test(code)), {
    error: 'must be two-letter country codes, comma separated',
  })
  .transform((codes): ReadonlySet<string> => new Set(codes));

/** Refused, because an operator who sets it would expect the upstream to answer, and the gateway never asks one. */
const notYet = z.preprocess(
  unset,
  z.undefined({ error: 'must not be set: this gateway has the canned model only' }).optional(),
);

/** In every form that Tally takes. */
const redisUrl = z.preprocess(
  unset,
  z
    .string()
    .superRefine((text, context) => {
      for (const message of redisUrlProblems(text)) context.addIssue({ code: 'custom', message });
    })
    .optional(),
);

function redisUrlProblems(text: string): readonly string[] {
  try {
    redisAddressOf(text);
    return [];
  } catch (error) {
    if (error instanceof RedisAddressError) return error.problems;
    throw error;
  }
}

const environment = z
  .object({
    GATEWAY_PORT: integer('8080', 0, 65_535),
    HOST: z.preprocess(unset, z.string().default('127.0.0.1')),
    TALLY_URL: z.preprocess(
      unset,
      z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).default('http://127.0.0.1:3000'),
    ),
    TALLY_API_KEY: z.preprocess(unset, z.string({ error: 'must be a Tally key with the role gateway' })),
    REDIS_URL: redisUrl,
    QUEUE_REDIS_URL: redisUrl,
    REDIS_PREFIX: z.preprocess(
      unset,
      z
        .string()
        .regex(REDIS_PREFIX_PATTERN, {
          error: 'must be the REDIS_PREFIX of Tally: letters, digits, dots, colons, underscores and hyphens',
        })
        .optional(),
    ),
    GATEWAY_KEYS: z.preprocess(unset, callerKeys.optional()),
    GATEWAY_UPSTREAM_URL: notYet,
    GATEWAY_UPSTREAM_KEY: notYet,
    GATEWAY_BLOCKED_COUNTRIES: z.string().default('CU,IR,KP,SY').pipe(countries),
    GATEWAY_MODEL_CAPACITY: integer('256', 1, 1_000_000),
    GATEWAY_MODEL_DELAY_MS: integer('0', 0, 3_600_000),
    GATEWAY_LEASES: z.preprocess(
      unset,
      z
        .enum(['true', 'false'], { error: 'must be true or false' })
        .default('false')
        .transform((text) => text === 'true'),
    ),
    GATEWAY_METRICS_PORT: z.preprocess(unset, whole(0, 65_535).optional()),
    GATEWAY_OUTBOX_DIR: z.preprocess(unset, z.string().optional()),
    GATEWAY_ID: z.preprocess(
      unset,
      z
        .string()
        .default(hostname())
        .refine((id) => NAME_PATTERN.test(id), {
          error: 'may have letters, digits, dots, dashes and underscores',
        }),
    ),
  })
  .transform((env) => ({
    port: env.GATEWAY_PORT,
    host: env.HOST,
    tallyUrl: env.TALLY_URL,
    tallyApiKey: env.TALLY_API_KEY,
    /** Where recalls of leases are heard. */
    redisUrl: env.REDIS_URL,
    /** Where usage goes. */
    queueRedisUrl: env.QUEUE_REDIS_URL ?? env.REDIS_URL,
    redisPrefix: env.REDIS_PREFIX,
    callerKeys: env.GATEWAY_KEYS ?? callerKeys.parse(DEFAULT_KEYS),
    /** The callers' key is the one that everybody knows. */
    hasDefaultKey: env.GATEWAY_KEYS === undefined,
    blockedCountries: env.GATEWAY_BLOCKED_COUNTRIES,
    modelCapacity: env.GATEWAY_MODEL_CAPACITY,
    modelDelayMs: env.GATEWAY_MODEL_DELAY_MS,
    leases: env.GATEWAY_LEASES,
    metricsPort: env.GATEWAY_METRICS_PORT,
    outboxDir: env.GATEWAY_OUTBOX_DIR,
    gatewayId: env.GATEWAY_ID,
  }));

function namesEntity(pair: string): boolean {
  const entity = /^\S+:([^:]+)$/.exec(pair)?.[1];
  return entity !== undefined && NAME_PATTERN.test(entity);
}

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}
