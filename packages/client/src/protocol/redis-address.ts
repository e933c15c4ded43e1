/** Where Redis is, read from one URL: one server, a unix socket, what Sentinels know as a master, or a Cluster. */
import { readFileSync } from 'node:fs';

export type RedisEndpoint = { readonly host: string; readonly port: number };

/** PEM texts, read from the files that the URL names. */
type RedisTls = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
};

export type RedisAddress = {
  readonly kind: 'server' | 'socket' | 'sentinel' | 'cluster';
  /** The server, the Sentinels, or some nodes of the Cluster; none for a socket. */
  readonly nodes: readonly RedisEndpoint[];
  /** Of a socket. */
  readonly path: string | null;
  /** What the Sentinels call the master. */
  readonly master: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
  readonly database: number;
  /** Null without TLS. */
  readonly tls: RedisTls | null;
};

export const REDIS_URL_FORMS =
  'redis://host:6379, rediss://host:6379?ca=/path/ca.pem, unix:///path/redis.sock, ' +
  'redis+sentinel://host:26379,host:26379/mymaster or redis+cluster://host:7000,host:7001';

/** One sentence for each thing that is wrong. No value is repeated that may be a secret. */
export class RedisAddressError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the URL of Redis ${problems.join('; it ')}`);
    this.name = 'RedisAddressError';
  }
}

const SCHEMES: Readonly<Record<string, { readonly kind: RedisAddress['kind']; readonly isTls: boolean }>> = {
  redis: { kind: 'server', isTls: false },
  rediss: { kind: 'server', isTls: true },
  unix: { kind: 'socket', isTls: false },
  'redis+sentinel': { kind: 'sentinel', isTls: false },
  'rediss+sentinel': { kind: 'sentinel', isTls: true },
  'redis+cluster': { kind: 'cluster', isTls: false },
  'rediss+cluster': { kind: 'cluster', isTls: true },
};

const URL_PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?$/;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?$/;
const DATABASE_MAX = 1_000_000;
const PORTS = { server: 6379, socket: 6379, sentinel: 26_379, cluster: 6379 };
const FILES = ['ca', 'cert', 'key'] as const;

/** Throws RedisAddressError. */
export function redisAddressOf(url: string): RedisAddress {
  const [, scheme = '', account, hosts = '', path = '', query = ''] = URL_PARTS.exec(url) ?? [];
  const known = SCHEMES[scheme];
  if (known === undefined)
    throw new RedisAddressError([
      `must be a URL such as ${REDIS_URL_FORMS}; in a password write @ / ? # as %40 %2F %3F %23`,
    ]);
  const problems: string[] = [];
  const { kind, isTls } = known;
  const settings = settingsOf(query, allowedSettings(kind, isTls), problems);
  const [username, password] = accountOf(account ?? '', problems);
  const { master, socket, databaseText } = pathOf(kind, decoded(path, problems), problems);
  const address: RedisAddress = {
    kind,
    nodes: nodesOf(kind, hosts, problems),
    path: socket,
    master,
    username,
    password,
    sentinelUsername: settings.get('sentinel_username') ?? null,
    sentinelPassword: settings.get('sentinel_password') ?? null,
    database: databaseOf(kind, databaseText ?? settings.get('db'), problems),
    tls: isTls ? tlsOf(settings, problems) : null,
  };
  if (problems.length > 0) throw new RedisAddressError(problems);
  return address;
}

/** Everything that is wrong with the URL. */
export function redisUrlProblems(url: string): readonly string[] {
  try {
    redisAddressOf(url);
    return [];
  } catch (error) {
    if (error instanceof RedisAddressError) return error.problems;
    throw error;
  }
}

function allowedSettings(kind: RedisAddress['kind'], isTls: boolean): string[] {
  return [
    ...(kind === 'cluster' ? [] : ['db']),
    ...(isTls ? [...FILES, 'servername'] : []),
    ...(kind === 'sentinel' ? ['sentinel_username', 'sentinel_password'] : []),
  ];
}

function settingsOf(query: string, allowed: readonly string[], problems: string[]): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query.replaceAll('+', '%2B'))) {
    if (allowed.includes(name)) settings.set(name, value);
    else if ([...FILES, 'servername'].includes(name))
      problems.push(`has ?${name}= without TLS: begin it with rediss, or leave ?${name}= out`);
    else if (name === 'db') problems.push('names a database: a Cluster has none but 0');
    else problems.push(`has a setting that this kind does not have; it may have ${listOf(allowed)}`);
  }
  return settings;
}

function listOf(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'none' : allowed.map((name) => `?${name}=`).join(', ');
}

function accountOf(text: string, problems: string[]): [username: string | null, password: string | null] {
  const colon = text.indexOf(':');
  const [user, secret] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  const [username, password] = [decoded(user, problems), decoded(secret, problems)];
  if (username !== '' && password === '') problems.push('names a user without a password');
  return [username === '' ? null : username, password === '' ? null : password];
}

function decoded(text: string, problems: string[]): string {
  try {
    return decodeURIComponent(text);
  } catch {
    problems.push('has a % that begins no code such as %40: write % itself as %25');
    return '';
  }
}

function nodesOf(kind: RedisAddress['kind'], hosts: string, problems: string[]): RedisEndpoint[] {
  if (kind === 'socket') {
    if (hosts !== '') problems.push('must have three slashes before the path of a socket: unix:///path');
    return [];
  }
  if (hosts === '') {
    problems.push('names no host');
    return [];
  }
  const texts = hosts.split(',');
  if (kind === 'server' && texts.length > 1)
    problems.push(
      'names several hosts: write redis+sentinel:// for Sentinels, redis+cluster:// for nodes of a Cluster',
    );
  return texts.flatMap((text, index) => {
    const [, v6, name, port] = HOST.exec(text) ?? [];
    const host = v6 ?? name;
    const number = Number(port ?? PORTS[kind]);
    if (host !== undefined && number >= 1 && number <= 65_535) return [{ host, port: number }];
    problems.push(`must have host or host:port as its host ${index + 1}`);
    return [];
  });
}

function pathOf(
  kind: RedisAddress['kind'],
  path: string,
  problems: string[],
): { master: string | null; socket: string | null; databaseText: string | undefined } {
  if (kind === 'socket') {
    if (path === '' || path.endsWith('/')) problems.push('names no socket: unix:///path/redis.sock');
    return { master: null, socket: path, databaseText: undefined };
  }
  const [first = '', second, ...more] = path.slice(1).split('/');
  if (more.length > 0 || (kind !== 'sentinel' && second !== undefined))
    problems.push('has a longer path than its kind knows');
  if (kind !== 'sentinel') return { master: null, socket: null, databaseText: first || undefined };
  if (first === '') problems.push('must name the master after its hosts, as the Sentinels do: /mymaster');
  return { master: first, socket: null, databaseText: second || undefined };
}

function databaseOf(kind: RedisAddress['kind'], text: string | undefined, problems: string[]): number {
  if (text === undefined) return 0;
  const isNumber = /^\d{1,7}$/.test(text) && Number(text) <= DATABASE_MAX;
  if (!isNumber) problems.push('must name its database by a number, such as /0');
  else if (kind === 'cluster' && Number(text) !== 0)
    problems.push('names a database: a Cluster has none but 0');
  return isNumber ? Number(text) : 0;
}

function tlsOf(settings: ReadonlyMap<string, string>, problems: string[]): RedisTls {
  const tls: Record<string, string> = {};
  for (const name of FILES) {
    const file = settings.get(name);
    if (file === undefined) continue;
    try {
      tls[name] = readFileSync(file, 'utf8');
    } catch (error) {
      const { code } = error as { code?: string };
      problems.push(`names a file in ?${name}= that cannot be read (${code ?? 'unknown error'})`);
    }
  }
  if (settings.has('cert') !== settings.has('key')) problems.push('must have ?cert= and ?key= together');
  const servername = settings.get('servername');
  return { ...tls, ...(servername !== undefined && { servername }) };
}
