/** The gateway's environment, checked at once and frozen. Nothing else in the gateway reads `process.env`. */
import { hostname } from 'node:os';
import { NAME_PATTERN, REDIS_PREFIX_PATTERN, redisUrlProblems } from '@tally/client/protocol';
import { z } from 'zod';
import { parseKeys, readKeysFile } from './caller-keys.js';
import { parseUrls, planOf } from './proxy/upstream-plan.js';
import type { UpstreamPlan } from './proxy/upstreams.js';

export type GatewayConfig = Readonly<z.infer<typeof environment>>;

/** For a look at the canned model. Everybody knows it. */
const DEFAULT_KEYS = 'some-key-value:entity1';

/** The message has one line for each variable that is wrong. */
export class ConfigError extends Error {}

export function loadConfig(env: NodeJS.ProcessEnv = process.env): GatewayConfig {
  const read = environment.safeParse(env);
  const problems = [
    ...(read.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    ...problemsTogether(env),
  ];
  if (read.success && problems.length === 0) return Object.freeze(read.data);
  throw new ConfigError(problems.join('\n'));
}

/** What is wrong with variables that are right by themselves. */
function problemsTogether(env: NodeJS.ProcessEnv): string[] {
  const problems: string[] = [];
  const url = env['GATEWAY_UPSTREAM_URL'];
  const key = env['GATEWAY_UPSTREAM_KEY'];
  if (url && !hasKeys(env))
    problems.push(
      'GATEWAY_KEYS: must be set where there is an upstream (or GATEWAY_KEYS_FILE, or GATEWAY_KEYS_URL): the default key is one that everybody knows',
    );
  if (env['GATEWAY_KEYS_URL_KEY'] && !env['GATEWAY_KEYS_URL'])
    problems.push('GATEWAY_KEYS_URL_KEY: must not be set without GATEWAY_KEYS_URL');
  if (key && !url) problems.push('GATEWAY_UPSTREAM_KEY: must not be set without GATEWAY_UPSTREAM_URL');
  const urls = url ? readOrNull(() => parseUrls(url)) : null;
  if (key && urls !== null)
    readOrNull(
      () => planOf(urls, key),
      (message) => problems.push(`GATEWAY_UPSTREAM_KEY: ${message}`),
    );
  return problems;
}

function readOrNull<T>(read: () => T, onProblem: (message: string) => void = () => {}): T | null {
  try {
    return read();
  } catch (error) {
    onProblem(error instanceof Error ? error.message : String(error));
    return null;
  }
}

function hasKeys(env: Readonly<Record<string, unknown>>): boolean {
  return ['GATEWAY_KEYS', 'GATEWAY_KEYS_FILE', 'GATEWAY_KEYS_URL'].some((name) => Boolean(env[name]));
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

/** A text that a function reads; what it throws is the problem's message. */
const readBy = <T>(read: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });

const optional = <T extends z.ZodType>(type: T) => z.preprocess(unset, type.optional());

const share = z
  .string()
  .refine((text) => /^\d(\.\d{1,9})?$/.test(text) && Number(text) <= 1, {
    error: 'must be a share from 0 to 1',
  })
  .transform(Number);

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** An empty list blocks no country. */
const countries = z
  .string()
  .transform((list) => (list.trim() === '' ? [] : list.split(',').map((code) => code.trim().toUpperCase())))
  .refine((codes) => codes.every((code) => /^[A-Z][A-Z0-9]$/.test(code)), {
    error: 'must be two-letter country codes, comma separated',
  })
  .transform((codes): ReadonlySet<string> => new Set(codes));

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

const environment = z
  .object({
    GATEWAY_PORT: integer('8080', 0, 65_535),
    HOST: z.preprocess(unset, z.string().default('127.0.0.1')),
    TALLY_URL: z.preprocess(unset, httpUrl.default('http://127.0.0.1:3000')),
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
    GATEWAY_KEYS: optional(readBy(parseKeys)),
    GATEWAY_KEYS_FILE: optional(readBy(namedFile)),
    GATEWAY_KEYS_URL: optional(httpUrl),
    GATEWAY_KEYS_URL_KEY: optional(z.string()),
    GATEWAY_UPSTREAM_URL: optional(readBy(parseUrls)),
    GATEWAY_UPSTREAM_KEY: optional(z.string()),
    GATEWAY_UPSTREAM_TIMEOUT_SECONDS: integer('600', 1, 86_400),
    GATEWAY_BODY_BYTES_MAX: integer('33554432', 1_024, 1_073_741_824),
    GATEWAY_HANG_UP: z.preprocess(
      unset,
      z.enum(['stop', 'finish'], { error: 'must be stop or finish' }).default('stop'),
    ),
    GATEWAY_CUT_STREAMS: z.preprocess(
      unset,
      z.enum(['charge', 'free'], { error: 'must be charge or free' }).default('charge'),
    ),
    GATEWAY_DRAIN_SECONDS: integer('30', 0, 86_400),
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
    OTEL_TRACES_SAMPLER_ARG: z.preprocess(unset, share.prefault('1')),
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
    callerKeys: env.GATEWAY_KEYS ?? (hasKeys(env) ? new Map<string, string>() : parseKeys(DEFAULT_KEYS)),
    callerKeysFile: env.GATEWAY_KEYS_FILE,
    callerKeysUrl: env.GATEWAY_KEYS_URL,
    callerKeysUrlKey: env.GATEWAY_KEYS_URL_KEY,
    /** The callers' key is the one that everybody knows. */
    hasDefaultKey: !hasKeys(env),
    /** Null: the canned model answers. */
    upstreams: upstreamsOf(env.GATEWAY_UPSTREAM_URL, env.GATEWAY_UPSTREAM_KEY),
    upstreamSilentMsMax: env.GATEWAY_UPSTREAM_TIMEOUT_SECONDS * 1_000,
    bodyBytesMax: env.GATEWAY_BODY_BYTES_MAX,
    /** Whether a caller that hangs up ends the server's work. */
    stopsWithCaller: env.GATEWAY_HANG_UP === 'stop',
    chargesCutStreams: env.GATEWAY_CUT_STREAMS === 'charge',
    drainMs: env.GATEWAY_DRAIN_SECONDS * 1_000,
    blockedCountries: env.GATEWAY_BLOCKED_COUNTRIES,
    modelCapacity: env.GATEWAY_MODEL_CAPACITY,
    modelDelayMs: env.GATEWAY_MODEL_DELAY_MS,
    leases: env.GATEWAY_LEASES,
    metricsPort: env.GATEWAY_METRICS_PORT,
    /** Which share of the traces that begin here is kept by those who follow the gateway. */
    sampledRatio: env.OTEL_TRACES_SAMPLER_ARG,
    outboxDir: env.GATEWAY_OUTBOX_DIR,
    gatewayId: env.GATEWAY_ID,
  }));

/** Null where they do not fit together, which `problemsTogether` reports. */
function upstreamsOf(
  urls: ReturnType<typeof parseUrls> | undefined,
  key: string | undefined,
): UpstreamPlan | null {
  return urls === undefined ? null : readOrNull(() => planOf(urls, key));
}

/** Read once at the start, so that a wrong one is a wrong variable. */
function namedFile(file: string): string {
  try {
    readKeysFile(file);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error;
    throw new Error(isMissing ? 'names a file that cannot be read' : `in the file: ${String(error)}`, {
      cause: error,
    });
  }
  return file;
}
