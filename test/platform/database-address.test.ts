import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  connectionOf,
  databaseUrlProblems,
  schemaOf,
  trustsAnyCertificate,
} from '../../src/platform/database-address.js';

const directory = mkdtempSync(join(tmpdir(), 'tally-address-'));
afterAll(() => rmSync(directory, { recursive: true }));
const pem = join(directory, 'ca.pem');
writeFileSync(pem, '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n');
writeFileSync(join(directory, 'text'), 'no certificate');

const url = (query: string) => `postgres://u:hunter2@h:5433/tally?${query}`;
const problems = (query: string) => databaseUrlProblems(url(query));
const ssl = (query: string) => connectionOf(url(query)).ssl;

describe('a URL of a database', () => {
  it('says where, as whom, and in which schema', () => {
    expect(connectionOf('postgres://u%40x:p%23@db.example/tally')).toEqual({
      host: 'db.example',
      user: 'u@x',
      password: 'p#',
      database: 'tally',
      application_name: 'tally',
      ssl: false,
      enableChannelBinding: false,
    });
    expect(
      connectionOf(url('schema=billing&options=-c%20work_mem%3D8MB&application_name=tally-eu')),
    ).toMatchObject({
      port: 5433,
      application_name: 'tally-eu',
      options: '-c work_mem=8MB -c search_path=billing',
    });
    expect([schemaOf(url('')), schemaOf(url('schema=billing'))]).toEqual(['public', 'billing']);
  });

  it('may name a socket, a user and a database in parameters, and IPv6 in brackets', () => {
    expect(connectionOf('postgresql:///?host=/run/postgresql&user=u&dbname=d&port=6432')).toMatchObject({
      host: '/run/postgresql',
      user: 'u',
      database: 'd',
      port: 6432,
    });
    expect(connectionOf('postgresql://[::1]:5432/d').host).toBe('::1');
  });

  it('uses TLS as libpq does', () => {
    expect(ssl('')).toBe(false);
    expect(ssl('sslmode=disable')).toBe(false);
    expect(ssl('sslmode=require')).toMatchObject({ rejectUnauthorized: false });
    expect(ssl(`sslmode=require&sslrootcert=${pem}`)).toMatchObject({
      rejectUnauthorized: true,
      ca: expect.stringContaining('BEGIN'),
      checkServerIdentity: expect.any(Function),
    });
    expect(ssl(`sslmode=verify-ca&sslrootcert=${pem}`)).toMatchObject({
      rejectUnauthorized: true,
      checkServerIdentity: expect.any(Function),
    });
    expect(ssl('sslmode=verify-full&sslrootcert=system')).toEqual({ rejectUnauthorized: true });
    expect(ssl(`sslmode=verify-full&sslcert=${pem}&sslkey=${pem}`)).toEqual({
      rejectUnauthorized: true,
      cert: expect.any(String),
      key: expect.any(String),
    });
    expect(trustsAnyCertificate(url('sslmode=require'))).toBe(true);
    expect(trustsAnyCertificate(url(`sslmode=require&sslrootcert=${pem}`))).toBe(false);
    expect(trustsAnyCertificate(url('sslmode=verify-full'))).toBe(false);
  });

  it.each([
    'schema=billing',
    'schema=_b2&application_name=a b',
    'connect_timeout=10',
    'options=-c%20search_path%3Dx',
    'sslmode=require&channel_binding=prefer',
    `sslmode=verify-full&sslrootcert=${pem}`,
    'password=',
  ])('may have ?%s', (query) => {
    expect(problems(query)).toEqual([]);
  });

  it.each(['postgresql://u@first,second/tally', 'postgresql://u@first,second:5432/tally'])(
    'refuses several hosts, and says what leads to the one that takes writes: %s',
    (text) => {
      expect(databaseUrlProblems(text)).toEqual([expect.stringMatching(/one host: .* a name or a proxy/)]);
    },
  );

  it.each([
    ['schema=Billing', 'schema'],
    ['schema=pg_catalog', 'schema'],
    ['schema=pg_temp', 'schema'],
    ['schema=information_schema', 'schema'],
    ['schema=reporting', 'schema'],
    ['schema=', 'schema'],
    ['schema=a,b', 'schema'],
    ['schema=a;drop table x', 'schema'],
    ['schema=a&schema=b', 'schema'],
    ['connection_limit=3', 'DATABASE_POOL_SIZE'],
    ['pgbouncer=true', 'DATABASE_PREPARE=off'],
    ['pgbouncer=false', 'pgbouncer'],
    ['pool_timeout=5', 'pool_timeout'],
    ['connect_timeout=0', 'connect_timeout'],
    ['statement_timeout=1', 'statement_timeout'],
    ['query_timeout=1', 'query_timeout'],
    ['statement_cache_size=0', 'DATABASE_PREPARE'],
    ['sslmode=prefer', 'plain text'],
    ['sslmode=allow', 'plain text'],
    ['sslmode=no-verify', 'sslmode'],
    ['sslmode=', 'sslmode'],
    ['ssl=true', 'sslmode'],
    ['sslaccept=strict', 'sslmode'],
    [`sslrootcert=${pem}`, 'sslmode'],
    [`sslmode=disable&sslrootcert=${pem}`, 'sslmode'],
    ['sslmode=verify-full&sslrootcert=/nowhere', 'can be read'],
    [`sslmode=verify-full&sslrootcert=${join(directory, 'text')}`, 'PEM'],
    [`sslmode=verify-full&sslrootcert=${directory}`, 'can be read'],
    [`sslmode=verify-full&sslcert=${pem}`, 'together'],
    ['sslmode=verify-ca', 'sslrootcert'],
    ['sslmode=verify-ca&sslrootcert=system', 'sslrootcert'],
    ['sslmode=require&sslrootcert=system', 'verify-full'],
    ['sslmode=require&channel_binding=require', 'channel_binding'],
    ['uselibpqcompat=true', 'uselibpqcompat'],
    ['target_session_attrs=read-write', 'one address'],
    ['host=a,b', 'one host'],
    ['application_name=', 'application_name'],
    ['max=3', 'does not know'],
    ['Schema=billing', 'does not know'],
    ['constructor=1', 'does not know'],
    ['__proto__=1', 'does not know'],
    ['%3Cscript%3E=1', 'parameter'],
    ['x=1#y', '%23'],
  ])('may not have ?%s', (query, named) => {
    const found = problems(query);
    expect(found).not.toEqual([]);
    expect(found.every((problem) => problem.startsWith('must '))).toBe(true);
    expect(found.join('\n')).toContain(named);
    expect(found.join('\n')).not.toMatch(/hunter2|<script>|drop table/);
  });
});
