import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig, VARIABLES } from '../src/config.js';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the configuration', () => {
  it('has the defaults of the contract', () => {
    expect(readConfig({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      role: 'all',
      databaseUrl: null,
      databasePoolSize: 10,
      databasePrepares: true,
      drainSeconds: 3,
      migrateDatabaseUrl: null,
      reportsDatabaseUrl: null,
      redisUrl: null,
      queueRedisUrl: null,
      redisPrefix: null,
      queueShards: 1,
      queueReplicasMin: 0,
      dataDir: '.data',
      adminApiKey: null,
      quotaDeniedStatus: 429,
      quotaFailMode: 'closed',
      unpricedModels: 'deny',
      webhookAllowPrivate: false,
      sellerName: 'Tally',
      sellerAddress: null,
      metricsPort: null,
      corsOrigins: [],
      smtpUrl: null,
      smtpFrom: null,
      logLevel: 'info',
      instanceName: null,
      otlp: null,
      migratesAtStart: true,
    });
  });

  it('takes an empty variable for one that is not set, and cannot be changed', () => {
    const config = readConfig({ PORT: '', ADMIN_API_KEY: '', QUOTA_DENIED_STATUS: '402' });
    expect(config).toMatchObject({ port: 3000, adminApiKey: null, quotaDeniedStatus: 402 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    ['PORT', ['65536', '-1', '80a', '1e3', ' 80']],
    ['HOST', ['a b', 'http://x']],
    ['ROLE', ['API', 'both']],
    ['DATABASE_URL', ['mysql://x', 'postgres', 'localhost:5432']],
    ['DATABASE_POOL_SIZE', ['2', '0', '501', '-1', 'ten', '1e2']],
    ['DATABASE_PREPARE', ['yes', 'ON']],
    ['MIGRATE_DATABASE_URL', ['mysql://x', 'postgres']],
    ['REDIS_URL', ['http://x', '127.0.0.1:6379']],
    ['QUEUE_SHARDS', ['0', '65', '2.5', 'two']],
    ['QUEUE_REPLICAS_MIN', ['-1', '4', '1.5', 'all']],
    ['ADMIN_API_KEY', ['short', 'sixteen-letters-and-fifteen-mo', 'changeme'.repeat(4), 'a'.repeat(40)]],
    ['QUOTA_DENIED_STATUS', ['403', '429.0']],
    ['QUOTA_FAIL_MODE', ['ajar']],
    ['UNPRICED_MODELS', ['ADMIT', 'free']],
    ['SELLER_NAME', ['Two\nlines', ' ', 'x'.repeat(201), 'bell\u0007']],
    ['SELLER_ADDRESS', ['\n', 'x'.repeat(1_001), 'nul\0']],
    ['METRICS_PORT', ['65536', 'none', '-1']],
    [
      'CORS_ORIGINS',
      [
        '*',
        'console.example.com',
        'https://a.example/',
        'https://a.example/path',
        'https://a.example,,',
        'null',
      ],
    ],
    ['SMTP_FROM', ['nobody', 'a@b@c', 'Tally <billing@example.com', 'a@b.example, c@d.example', 'a@b>']],
    ['LOG_LEVEL', ['INFO', 'verbose']],
    ['INSTANCE_NAME', ['two\nlines', ' ']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'grpc://collector:4317']],
    ['OTEL_EXPORTER_OTLP_HEADERS', ['secret', 'api-key=', 'a=%zz']],
    ['OTEL_TRACES_SAMPLER_ARG', ['1.5', 'half', '-1']],
    ['MIGRATE', ['on', 'OFF', 'false']],
  ])('refuses a wrong %s in one sentence', (name, values) => {
    for (const value of values) {
      expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must `))]);
    }
  });

  it('takes a seller, origins, a port for metrics and a mail server', () => {
    const config = readConfig({
      SELLER_NAME: ' Ärger & Söhne ',
      SELLER_ADDRESS: 'Straße 1\r\n10115 Berlin\n',
      METRICS_PORT: '9100',
      CORS_ORIGINS: 'https://a.example, http://localhost:5173,https://a.example',
      SMTP_URL: 'smtps://user:secret@mail.example:465',
      SMTP_FROM: 'Tally <billing@mail.example>',
      LOG_LEVEL: 'warn',
    });
    expect(config).toMatchObject({
      sellerName: 'Ärger & Söhne',
      sellerAddress: 'Straße 1\n10115 Berlin',
      metricsPort: 9100,
      corsOrigins: ['https://a.example', 'http://localhost:5173'],
      smtpUrl: 'smtps://user:secret@mail.example:465',
      smtpFrom: 'Tally <billing@mail.example>',
      logLevel: 'warn',
    });
  });

  it('takes a receiver of traces, with its headers', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
    const OTEL_EXPORTER_OTLP_HEADERS = 'api-key=a%20b, x-tenant=7';
    const OTEL_TRACES_SAMPLER_ARG = '0.25';
    expect(
      readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER_ARG }).otlp,
    ).toEqual({
      endpoint: 'http://collector:4318',
      headers: { 'api-key': 'a b', 'x-tenant': '7' },
      serviceName: 'tally',
      sampledRatio: 0.25,
    });
    expect(readConfig({ OTEL_SERVICE_NAME: 'billing' }).otlp).toBeNull();
  });

  it('wants a sender beside a mail server', () => {
    expect(problemsOf({ SMTP_URL: 'smtp://mail.example' })).toEqual([
      expect.stringMatching(/^SMTP_FROM must be set/),
    ]);
    const SMTP_FROM = 'a@b.example';
    expect(problemsOf({ SMTP_URL: 'http://mail.example', SMTP_FROM })).toEqual([
      expect.stringMatching(/^SMTP_URL must be a URL/),
    ]);
    expect(problemsOf({ SMTP_URL: 'smtp:', SMTP_FROM })).toHaveLength(1);
  });

  it.each(['DATABASE_URL', 'MIGRATE_DATABASE_URL', 'REPORTS_DATABASE_URL'])(
    'refuses parameters of %s that mean nothing, by name',
    (name) => {
      const other = {
        DATABASE_URL: 'postgres://u@h/tally',
        [name]: 'postgres://u:hunter2@h/tally?connection_limit=3&x=1',
      };
      expect(problemsOf(other)).toEqual([
        `${name} must not have a ?connection_limit=: set DATABASE_POOL_SIZE`,
        `${name} must not have a ?x=: Tally does not know it`,
      ]);
    },
  );

  it.each(['MIGRATE_DATABASE_URL', 'REPORTS_DATABASE_URL'])(
    'wants %s in the same schema of the same outside database',
    (name) => {
      const other = { [name]: 'postgres://other@h/tally?schema=billing' };
      expect(problemsOf(other)).toEqual([expect.stringMatching(/^DATABASE_URL must be set/)]);
      expect(problemsOf({ ...other, DATABASE_URL: 'postgres://u@h/tally' })).toEqual([
        `${name} must name the same ?schema= as DATABASE_URL`,
      ]);
      expect(problemsOf({ ...other, DATABASE_URL: 'postgres://u@h/tally?schema=billing' })).toEqual([]);
    },
  );

  it('tells all that is wrong at once, and repeats no value, since some are secrets', () => {
    const problems = problemsOf({
      PORT: 'x',
      DATABASE_URL: 'mysql://u:hunter2@h',
      ADMIN_API_KEY: 'hunter 2',
      ROLE: 'x',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'ROLE',
      'DATABASE_URL',
      'ADMIN_API_KEY',
    ]);
    expect(problems.join()).not.toContain('hunter');
  });
});

describe('a variable from a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tally-config-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each(VARIABLES)('%s is read, without the line break at its end, and checked like any other', (name) => {
    const problems = problemsOf({ [`${name}_FILE`]: file(name, '\u0007\n') });
    expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^${name} must `)));
  });

  it('has its value whether the line ends as on Unix, on Windows or not at all', () => {
    for (const end of ['', '\n', '\r\n']) {
      const ADMIN_API_KEY_FILE = file('key', `sk-tally-from-a-file-Qp2wZr9tLk4m${end}`);
      expect(readConfig({ ADMIN_API_KEY_FILE }).adminApiKey).toBe('sk-tally-from-a-file-Qp2wZr9tLk4m');
    }
    const SELLER_ADDRESS_FILE = file('address', 'Street 1\nTown\n');
    expect(readConfig({ SELLER_ADDRESS_FILE }).sellerAddress).toBe('Street 1\nTown');
  });

  it('is refused where the file is missing, empty, too long, a directory, or stands beside the variable', () => {
    const problems = problemsOf({
      PORT_FILE: join(directory, 'missing'),
      HOST_FILE: file('empty', '\n'),
      ROLE_FILE: file('long', 'x'.repeat(70_000)),
      DATA_DIR_FILE: directory,
      ADMIN_API_KEY_FILE: file('secret', 'hunter2'),
      ADMIN_API_KEY: 'sk-tally-from-outside-Qp2wZr9tLk4m',
      QUOTA_FAIL_MODE: 'ajar',
    });
    expect(problems).toEqual([
      'PORT_FILE must name a file that can be read (ENOENT)',
      'HOST_FILE must name a file that is not empty',
      'ROLE_FILE must name a file of at most 65536 bytes',
      'DATA_DIR_FILE must name a file that can be read (EISDIR)',
      'ADMIN_API_KEY_FILE must not be set beside ADMIN_API_KEY: one of them holds the value',
      'QUOTA_FAIL_MODE must be closed or open',
    ]);
  });

  it('counts as unset where its name is empty', () => {
    expect(readConfig({ PORT_FILE: '', PORT: '81' }).port).toBe(81);
  });
});
