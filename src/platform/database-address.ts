/**
 * The URL of a database → how pg connects. Each parameter is honoured, with the meaning that it has for libpq, or refused by its name: pg
 * itself would take any for a setting of its own, and drop what it does not know.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';

/** Where Tally's tables are, unless the URL names another schema. */
const DEFAULT_SCHEMA = 'public';

/** Postgres takes its own names for itself, and our views are in `reporting`. */
const SCHEMA = /^(?!pg_)(?!information_schema$)(?!reporting$)[a-z_][a-z0-9_]{0,62}$/;

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];
const FILE_PARAMETERS = ['sslrootcert', 'sslcert', 'sslkey'] as const;
const CONNECT_SECONDS_MAX = 600;

/** Honoured: null where the value serves, else what it must be. */
const HONOURED: Readonly<Record<string, (value: string) => string | null>> = {
  schema: (value) =>
    SCHEMA.test(value)
      ? null
      : 'lower-case letters, digits and underscores, and no name of Postgres’ own or `reporting`',
  application_name: (value) =>
    /^[\x20-\x7e]{1,63}$/.test(value) ? null : '1 to 63 printable ASCII characters',
  options: () => null,
  connect_timeout: (value) =>
    isWhole(value, 1, CONNECT_SECONDS_MAX) ? null : `seconds from 1 to ${CONNECT_SECONDS_MAX}`,
  sslmode: sslModeProblem,
  sslrootcert: (value) => (value === 'system' ? null : fileProblem(value)),
  sslcert: fileProblem,
  sslkey: fileProblem,
  channel_binding: (value) =>
    ['disable', 'prefer'].includes(value) ? null : '`disable` or `prefer`: pg cannot insist on it',
  host: (value) => (value === '' || value.includes(',') ? 'one host, or the directory of a socket' : null),
  port: (value) => (isWhole(value, 1, 65_535) ? null : 'a port number'),
  user: (value) => (value === '' ? 'a user' : null),
  password: () => null,
  dbname: (value) => (value === '' ? 'a database' : null),
};

const ONE_ADDRESS =
  'Tally connects to one address, so let a name or a proxy lead to the server that takes writes';

/** Refused, with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  connection_limit: 'set DATABASE_POOL_SIZE',
  pool_timeout: 'it is fixed, remove it',
  pgbouncer: 'remove it, and set DATABASE_PREPARE=off for a PgBouncer before 1.21',
  statement_cache_size: 'remove it, and set DATABASE_PREPARE=off where a pooler keeps no prepared statements',
  socket_timeout: 'each statement has a time limit already, remove it',
  statement_timeout: 'each statement has a time limit already, remove it',
  query_timeout: 'each statement has a time limit already, remove it',
  target_session_attrs: `remove it: ${ONE_ADDRESS}`,
  ssl: 'use sslmode',
  sslaccept: 'use sslmode',
  sslidentity: 'use sslcert and sslkey',
  uselibpqcompat: 'remove it: sslmode means what it means to libpq',
  passfile: 'name a file that holds the whole URL in the variable with _FILE at its end',
};

/** What is wrong with the URL, each a sentence that begins with `must`. No value is repeated, because some are secrets. */
export function databaseUrlProblems(text: string): string[] {
  const url = new URL(text);
  const names = [...url.searchParams.keys()];
  const problems = [...new Set(names)].flatMap((name) => {
    if (names.indexOf(name) !== names.lastIndexOf(name)) return [`must have ?${shown(name)}= once`];
    const problem = Object.hasOwn(HONOURED, name) ? HONOURED[name]!(url.searchParams.get(name)!) : undefined;
    if (problem === null) return [];
    if (problem !== undefined) return [`must have a ?${name}= that is ${problem}`];
    const instead = Object.hasOwn(REFUSED, name) ? REFUSED[name]! : 'Tally does not know it';
    return [`must not have a ?${shown(name)}=: ${instead}`];
  });
  if (url.hostname.includes(',')) problems.push(`must have one host: ${ONE_ADDRESS}`);
  if (url.hash !== '') problems.push('must not have a #: write %23 for one in a password');
  return [...problems, ...sslProblems(url.searchParams)];
}

/** Parameters that do not fit each other. */
function sslProblems(parameters: URLSearchParams): string[] {
  const mode = parameters.get('sslmode');
  const ca = parameters.get('sslrootcert');
  const named = FILE_PARAMETERS.filter((name) => parameters.has(name));
  if (named.length > 0 && (mode === null || mode === 'disable'))
    return [`must have ?sslmode=verify-full or another that uses ${named.join(', ')}`];
  if (parameters.has('sslcert') !== parameters.has('sslkey'))
    return ['must have sslcert and sslkey together'];
  if (mode === 'verify-ca' && (ca === null || ca === 'system'))
    return [
      'must have an ?sslrootcert= of your own beside sslmode=verify-ca: anybody can have a certificate of a public one',
    ];
  if (ca === 'system' && mode !== 'verify-full')
    return ['must have ?sslmode=verify-full beside sslrootcert=system'];
  return [];
}

/** The schema in which Tally keeps its tables. */
export function schemaOf(text: string): string {
  return new URL(text).searchParams.get('schema') ?? DEFAULT_SCHEMA;
}

/** The same address with more options for the start of a session. */
export function withOptions(text: string, options: string): string {
  const address = new URL(text);
  const own = address.searchParams.get('options');
  address.searchParams.set('options', own === null ? options : `${own} ${options}`);
  return address.href;
}

/** Whether the server may be any that has a certificate: nobody looks whose it is. */
export function trustsAnyCertificate(text: string): boolean {
  const { searchParams } = new URL(text);
  return searchParams.get('sslmode') === 'require' && !searchParams.has('sslrootcert');
}

/** For a URL without problems. Sessions begin in its schema, unless a pooler drops their options. */
export function connectionOf(text: string): pg.ClientConfig {
  const url = new URL(text);
  const parameters = url.searchParams;
  const of = (name: string): string | undefined => parameters.get(name) ?? undefined;
  const seconds = of('connect_timeout');
  const own = of('options');
  const schema = of('schema');
  const options = [own, schema === undefined ? undefined : `-c search_path=${schema}`];
  const port = of('port') ?? url.port;
  const config: pg.ClientConfig = {
    host: of('host') ?? decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, '$1')),
    user: of('user') ?? decodeURIComponent(url.username),
    password: of('password') ?? decodeURIComponent(url.password),
    database: of('dbname') ?? decodeURIComponent(url.pathname.slice(1)),
    application_name: of('application_name') ?? 'tally',
    options: options.filter((each) => each !== undefined).join(' '),
    ssl: sslOf(parameters),
    enableChannelBinding: of('channel_binding') === 'prefer',
    ...(port !== '' && { port: Number(port) }),
    ...(seconds !== undefined && { connectionTimeoutMillis: Number(seconds) * 1_000 }),
  };
  // What is empty is the default, as if it were not there.
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== ''));
}

/** As libpq: `require` encrypts, and checks the certificate only against an authority that is named; `verify-ca` does not look at the name. */
function sslOf(parameters: URLSearchParams): false | ConnectionOptions {
  const mode = parameters.get('sslmode') as SslMode | null;
  if (mode === null || mode === 'disable') return false;
  const file = (name: (typeof FILE_PARAMETERS)[number]): string | undefined => {
    const path = parameters.get(name);
    return path === null || path === 'system' ? undefined : readFileSync(path, 'utf8');
  };
  const [ca, cert, key] = FILE_PARAMETERS.map(file);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: mode !== 'require' || ca !== undefined,
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

function sslModeProblem(value: string): string | null {
  if (['allow', 'prefer'].includes(value))
    return 'not `prefer` or `allow`: Tally does not fall back to plain text, use `require` or `disable`';
  return (SSL_MODES as readonly string[]).includes(value) ? null : `one of ${SSL_MODES.join(', ')}`;
}

function fileProblem(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').includes('-----BEGIN ') ? null : 'a file in PEM format';
  } catch {
    return 'a file that can be read';
  }
}

function isWhole(text: string, min: number, max: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= min && Number(text) <= max;
}

/** The name of a parameter as it may stand in a message. */
function shown(name: string): string {
  return /^\w{1,40}$/.test(name) ? name : 'parameter';
}
