import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '../src/config.js';

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
      migrateDatabaseUrl: null,
      redisUrl: null,
      queueShards: 1,
      dataDir: '.data',
      adminApiKey: null,
      quotaDeniedStatus: 429,
      quotaFailMode: 'closed',
      unpricedModels: 'deny',
      webhookAllowPrivate: false,
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
    ['ADMIN_API_KEY', ['short', 'has a space', 'ключключ']],
    ['QUOTA_DENIED_STATUS', ['403', '429.0']],
    ['QUOTA_FAIL_MODE', ['ajar']],
    ['UNPRICED_MODELS', ['ADMIT', 'free']],
  ])('refuses a wrong %s in one sentence', (name, values) => {
    for (const value of values) {
      expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must `))]);
    }
  });

  it('refuses what a URL of the database would say to another program, and names what to do', () => {
    const problems = (query: string) => problemsOf({ DATABASE_URL: `postgres://u:hunter2@h/tally?${query}` });
    expect(problems('sslmode=require&options=-c%20search_path%3Dpublic')).toEqual([]);
    expect(problems('connection_limit=3&schema=billing')).toEqual([
      'DATABASE_URL must not name a ?schema=: Tally keeps its tables in `public` of a database of its own, so name another database',
      'DATABASE_URL must not have a ?connection_limit=: set DATABASE_POOL_SIZE',
    ]);
    expect(problems('pgbouncer=true').join()).toContain('DATABASE_PREPARE=off');
    expect(problems('pool_timeout=5').join()).toContain('remove it');
  });

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
